"""Owns where tapes come from: recordings, the simulated market, and a few simulated tapes under many symbols."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Final

from connectors.recordings import RecordingError, RecordingReader
from fake_exchange.messages import RESTART, SNAPSHOT, Message, opened
from fake_exchange.templates import Shift, Template
from simulator import Instrument, simulate
from simulator.presets import instruments_of

Tape = Iterator[Message]

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_FOR_EVER_S: Final = 3e7
_JUMP: Final = 1_000
"""Ids that are left out between two rounds: the end of a tape and its beginning are two different books."""

_ROUND_PAUSE_NS: Final = _NS // 10
_BEAT_NS: Final = 100 * _MS
_DIFFERENCES: Final = "depth@100ms"
_STREAMS: Final = (_DIFFERENCES, "depth20@100ms", "trade", "aggTrade", "bookTicker", SNAPSHOT)
_WHOLE_BOOK: Final = 1_000_000
PREPARED_STREAMS: Final = ("depth20@100ms", "trade", "aggTrade")
"""Of tapes that go under many symbols: those that end anywhere and begin again without a word."""

_PREPARED_S: Final = 30.0
_TAKERS_PER_S: Final = 1.5
OPENING_NS: Final = 3 * _NS
"""Length of the market before the doors open: in it all books become known."""


def recorded(paths: Sequence[Path], venue: str) -> Tape:
    """The messages of recordings of one venue, merged by receive time; each recording keeps its order.

    Raises:
        RecordingError: A recording can't be read or is of another venue.
    """
    readers = [RecordingReader(path) for path in paths]
    wrong = [f"{reader.path} is of {reader.venue}" for reader in readers if reader.venue != venue]
    if wrong:
        raise RecordingError(f"expected recordings of {venue}, received others: {', '.join(wrong)}; drop them")
    return merge(*(_lines(reader) for reader in readers), key=attrgetter("time_ns"))


def _lines(reader: RecordingReader) -> Tape:
    last_ns = 0
    for batch in reader.batches(200):
        for key, value, headers in zip(batch.keys, batch.values, batch.headers, strict=True):
            told = dict(headers or ())
            received = told.get("recv_ns") or b""
            last_ns = max(last_ns, int(received)) if received.isdigit() else last_ns
            stream = told.get("stream") or b""
            message = _message(last_ns, key, value or b"", stream.decode())
            if message is not None:
                yield message


def _message(time_ns: int, key: bytes | None, value: bytes, header: str) -> Message | None:
    """A line of a recording; None when no stream of an exchange can have sent it."""
    name, data = (header, value) if header else opened(value) or ("", b"")
    symbol, _, stream = name.partition("@")
    if not stream or key is None:
        return None
    return Message(time_ns, symbol.upper(), stream, data, b"" if stream == SNAPSHOT else value)


def looped(rounds: Callable[[], Tape]) -> Tape:
    """A tape for ever. From the second round on its clocks and ids go on, and the books begin anew.

    Between two rounds ids jump, as after a halt of the exchange: whoever follows differences needs a new snapshot.
    """
    first = last = 0
    ids: dict[tuple[str, bool], tuple[int, int]] = {}
    for message in rounds():
        first, last = first or message.time_ns, message.time_ns
        _note(ids, message)
        yield message
    if not ids:
        return
    number = 0
    while True:
        number += 1
        ns = number * (last - first + _ROUND_PAUSE_NS)
        shifts = {
            symbol: Shift(ns, number * _span(ids, symbol, trades=False), number * _span(ids, symbol, trades=True))
            for symbol, _ in ids
        }
        for symbol in shifts:
            yield Message(first + ns, symbol, RESTART, b"", b"")
        for message in rounds():
            yield Template(message).sent(message.symbol, shifts.get(message.symbol, Shift(ns, 0, 0)))


def _note(ids: dict[tuple[str, bool], tuple[int, int]], message: Message) -> None:
    number = message.id
    if number is not None:
        key = message.symbol, message.is_trade
        low, high = ids.get(key, (number, number))
        ids[key] = min(low, number), max(high, number)


def _span(ids: dict[tuple[str, bool], tuple[int, int]], symbol: str, *, trades: bool) -> int:
    low, high = ids.get((symbol, trades), (0, 0))
    return high - low + _JUMP


def simulated(venue: str, symbols: int, seed: int, seconds: float | None) -> Tape:
    """A simulated market, all of whose symbols have all streams. It opened `OPENING_NS` ago: its clock is now's there.

    The snapshots that come first hold the whole book, so that whoever adds the differences knows all of it.
    """
    instruments = [
        replace(instrument, streams=_STREAMS, snapshot_levels=_WHOLE_BOOK)
        for instrument in instruments_of(venue, symbols)
    ]
    start_ms = (time.time_ns() - OPENING_NS) // _MS
    length = _FOR_EVER_S if seconds is None else seconds + OPENING_NS / _NS
    return _as_messages(instruments, length, seed, start_ms)


def _as_messages(instruments: Iterable[Instrument], seconds: float, seed: int, start_ms: int) -> Tape:
    for event in simulate(instruments, seconds=seconds, seed=seed, start_ms=start_ms):
        stream = event.stream.partition("@")[2]
        data = event.payload[event.payload.index(b',"data":') + 8 : -1]
        yield Message(event.recv_ns, event.symbol, stream, data, b"" if stream == SNAPSHOT else event.payload)


class Prepared:
    """A few simulated tapes that are made beforehand and go under many symbols: a thousand frames cost little then.

    Args:
        venue: of all.
        names: the symbols.
        tapes: how many different markets there are among them.
        seed: of the markets.
    """

    def __init__(self, venue: str, names: Sequence[str], tapes: int, seed: int) -> None:
        self._names = names
        self._tapes = [_prepare(instrument, seed) for instrument in instruments_of(venue, tapes)]

    def messages(self, start_ns: int, seconds: float | None) -> Tape:
        """The symbols side by side from a time on, each at another place of its tape.

        Symbols of one tape are spread evenly over its length: no exchange sends the same burst of trades for sixty
        symbols at one instant.
        """
        end_ns = start_ns + round((_FOR_EVER_S if seconds is None else seconds) * _NS)
        runs = [self._run(number, start_ns, end_ns) for number in range(len(self._names))]
        return merge(*runs, key=attrgetter("time_ns"))

    def _run(self, number: int, start_ns: int, end_ns: int) -> Tape:
        templates, ids, first_ns, length_ns = self._tapes[number % len(self._tapes)]
        symbols_a_tape = -(-len(self._names) // len(self._tapes))
        beats_ahead = length_ns // _BEAT_NS * (number // len(self._tapes)) // symbols_a_tape
        # The symbols share the beat of partial depth evenly, too.
        begin_ns = start_ns + number * _BEAT_NS // len(self._names) - beats_ahead * _BEAT_NS - first_ns
        steps = [ids.get(trades, (0, 0)) for trades in (False, True)]
        update_id, trade_id = (high - low + 1 for low, high in steps)
        symbol, lap = self._names[number], 0
        while True:
            shift = Shift(begin_ns + lap * length_ns, lap * update_id, lap * trade_id)
            for template in templates:
                if template.time_ns + shift.ns < start_ns:
                    continue
                message = template.sent(symbol, shift)
                if message.time_ns >= end_ns:
                    return
                yield message
            lap += 1


_Ids = dict[bool, tuple[int, int]]


def _prepare(instrument: Instrument, seed: int) -> tuple[list[Template], _Ids, int, int]:
    """(templates, ids, first time ns, length ns) of one tape."""
    ids: dict[tuple[str, bool], tuple[int, int]] = {}
    templates, times = [], []
    # Of many symbols few are busy: about 6 trades a second on the average.
    market = replace(instrument, streams=PREPARED_STREAMS, flow=replace(instrument.flow, takers_per_s=_TAKERS_PER_S))
    for message in _as_messages([market], _PREPARED_S, seed, 1_735_689_600_000):
        _note(ids, message)
        templates.append(Template(message))
        times.append(message.time_ns)
    by_kind = {trades: span for (_, trades), span in ids.items()}
    return templates, by_kind, times[0], round(_PREPARED_S * _NS)
