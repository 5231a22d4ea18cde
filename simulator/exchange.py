"""Owns what the exchange publishes of one market, and when: windows of depth, trades, tickers, REST snapshots.

Messages leave in the order of their time. Ids are chained by the venue's rule: on spot each change of the book is one
id and U == previous u + 1; on futures all symbols share a counter, so ids jump and only pu == previous u holds.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from simulator.book import Book
from simulator.draws import Draws, uniform
from simulator.instrument import SPOT, Instrument
from simulator.market import Market
from simulator.tape import Fill, Quote
from simulator.wire import DiffIds, TextLevels, wire_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MS = 1_000_000
"""Nanoseconds per millisecond."""

TRUTH_LEVELS = 20
_WINDOW_NS = 100 * MS
_BEAT = ""  # a timer of no stream: the tape is read at least once a window, so that memory stays level
_SNAPSHOT_POLL_NS = 10 * MS
_EVENT_DELAY_NS = MS * 2 // 5
_FIRST_ID = {SPOT: 40_000_000_000}
_FIRST_FUTURES_ID = 5_000_000_000_000


class Message(NamedTuple):
    """One message as it leaves the exchange.

    Attributes:
        time_ns: When it leaves, since the start of the run.
        stream: Stream without the symbol, e.g. "depth@100ms".
        data: JSON of the payload inside the envelope.
        top: True best levels of bids and asks, for depth messages.
        bought_lots, sold_lots: What takers bought and sold in this message, for trades.
    """

    time_ns: int
    stream: str
    data: str
    top: tuple[TextLevels, TextLevels] | None = None
    bought_lots: int = 0
    sold_lots: int = 0


class Exchange:
    """Publishes one instrument's streams.

    Args:
        instrument: What is traded and which streams are published.
        seed: Seed of the whole run, >= 0.
        start_ms: Exchange time of the start, milliseconds since 1970.
    """

    def __init__(self, instrument: Instrument, seed: int, start_ms: int) -> None:
        draws = Draws(seed, instrument.name)
        spot = instrument.venue == SPOT
        steps = repeat(1) if spot else draws.stream("update id", uniform(1, 131))
        self._instrument = instrument
        self._book = Book(_FIRST_ID.get(instrument.venue, _FIRST_FUTURES_ID), steps)
        self._market = Market(instrument, self._book, draws)
        self._wire = wire_of(instrument)
        self._start_ms = start_ms
        self._draw = draws.rolls("exchange")
        self._dense_ids = spot
        self._has_depth = any(stream.startswith("depth") for stream in instrument.streams)
        self._previous = dict.fromkeys(instrument.streams, self._book.update_id)
        self._trade_id = 1_000_000_000 + next(self._draw)
        self._aggregate_id = 500_000_000 + next(self._draw)
        self._waiting: list[tuple[int, int, tuple[int, int], Fill]] = []
        self._timers: list[tuple[int, str]] = []
        self._lines = 0
        self._captured: str | None = None
        self._capture_at_line = 1 + next(self._draw) % 30

    def messages(self, seconds: float) -> Iterator[Message]:
        """Yield all messages of the first `seconds`, in the order of `time_ns`."""
        self._set_timer(0, _BEAT)
        for stream in self._instrument.streams:
            if stream.startswith("depth"):
                self._set_timer(next(self._draw) * _WINDOW_NS // 4096, stream)
            elif stream == "snapshot" or (stream == "aggTrade" and not self._dense_ids):
                self._set_timer(0, stream)
        end_ns = round(seconds * 1000) * MS
        while self._timers and self._timers[0][0] < end_ns:
            now, stream = heappop(self._timers)
            self._market.advance(now)
            yield from self._counted(self._tape())
            yield from self._counted(self._on_timer(now, stream))
        self._market.advance(end_ns)
        yield from self._tape()

    def _set_timer(self, time_ns: int, stream: str) -> None:
        heappush(self._timers, (time_ns, stream))

    def _counted(self, messages: Iterator[Message]) -> Iterator[Message]:
        """Count lines from the first diff on: the REST snapshot comes some lines later."""
        diff = self._instrument.diff_stream
        for message in messages:
            if self._lines or diff is None or message.stream == diff:
                self._lines += 1
            yield message

    def _on_timer(self, now: int, stream: str) -> Iterator[Message]:
        if stream == _BEAT:
            if not self._has_depth:
                self._book.drain()
            self._set_timer(now + _WINDOW_NS, _BEAT)
        elif stream == "snapshot":
            yield from self._snapshot(now)
        elif stream == "aggTrade":
            yield from self._aggregates(now)
            self._set_timer(now + _WINDOW_NS, stream)
        else:
            if self._book.update_id != self._previous[stream]:
                yield self._depth(now, stream)
            # USD-M's depth@0ms comes about every 51 ms.
            period = 50 * MS + next(self._draw) * 600 if stream == "depth@0ms" else _WINDOW_NS
            self._set_timer(now + period, stream)

    def _ms(self, time_ns: int) -> int:
        return self._start_ms + (time_ns + _EVENT_DELAY_NS) // MS

    def _depth(self, now: int, stream: str) -> Message:
        book, wire = self._book, self._wire
        previous, final = self._previous[stream], book.update_id
        self._previous[stream] = final
        top = wire.levels(book.bids.top(TRUTH_LEVELS)), wire.levels(book.asks.top(TRUTH_LEVELS))
        first = previous + 1
        encode: Callable[[int, int, DiffIds, TextLevels, TextLevels], str] = wire.partial
        bids, asks = top
        if stream == self._instrument.diff_stream:
            encode = wire.diff
            first = first if self._dense_ids else book.first_changed_id
            bid_lots, ask_lots = book.bids.lots, book.asks.lots
            bid_prices, ask_prices = book.drain()
            bids = wire.levels((price, bid_lots.get(price, 0)) for price in bid_prices)
            asks = wire.levels((price, ask_lots.get(-price, 0)) for price in ask_prices)
        elif self._instrument.diff_stream is None:
            book.drain()
        times = self._ms(now), self._ms(self._market.changed_ns)
        return Message(now, stream, encode(*times, DiffIds(first, final, previous), bids, asks), top)

    def _snapshot(self, now: int) -> Iterator[Message]:
        """Capture the book, deliver it some lines later, as a REST answer that travels while the streams go on."""
        delivery = self._capture_at_line + 5
        if self._captured is None and self._lines >= self._capture_at_line:
            levels = self._instrument.snapshot_levels
            wire, book = self._wire, self._book
            self._captured = wire.snapshot(
                self._ms(now),
                self._ms(self._market.changed_ns),
                book.update_id,
                wire.levels(book.bids.top(levels)),
                wire.levels(book.asks.top(levels)),
            )
        elif self._captured is not None and self._lines >= delivery:
            yield Message(now, "snapshot", self._captured)
            self._captured = None
            if self._instrument.audit_every_s is not None:
                self._capture_at_line = self._lines
                self._set_timer(now + round(self._instrument.audit_every_s * 1000) * MS, "snapshot")
            return
        self._set_timer(now + _SNAPSHOT_POLL_NS, "snapshot")

    def _tape(self) -> Iterator[Message]:
        """Turn what happened since the last call into trades and tickers; trades come before the quote they leave."""
        tape, self._market.tape = self._market.tape, []
        streams = self._instrument.streams
        trades, aggregates, tickers = "trade" in streams, "aggTrade" in streams, "bookTicker" in streams
        run: list[Fill] = []
        for entry in tape:
            if isinstance(entry, Quote):
                if run:
                    yield from self._close_run(run)
                    run = []
                if tickers:
                    yield Message(entry.time_ns, "bookTicker", self._wire.ticker(self._ms(entry.time_ns), entry))
                continue
            if run and (run[0].order, run[0].price_ticks) != (entry.order, entry.price_ticks):
                yield from self._close_run(run)
                run = []
            self._trade_id += 1
            if aggregates:
                run.append(entry)
            if trades:
                data = self._wire.trade(self._ms(entry.time_ns), self._trade_id, entry)
                yield Message(entry.time_ns, "trade", data, None, *_taken(entry))
        if run:
            yield from self._close_run(run)

    def _close_run(self, run: list[Fill]) -> Iterator[Message]:
        """Fold the fills of one market order at one price; futures hold them back until the window closes."""
        self._aggregate_id += 1
        folded = run[-1]._replace(lots=sum(fill.lots for fill in run))
        ids = self._trade_id - len(run) + 1, self._trade_id
        self._waiting.append((folded.time_ns, self._aggregate_id, ids, folded))
        if self._dense_ids:
            yield from self._aggregates(folded.time_ns)

    def _aggregates(self, now: int) -> Iterator[Message]:
        for traded_ns, number, ids, fill in self._waiting:
            data = self._wire.aggregate(self._ms(now), self._ms(traded_ns), number, ids, fill)
            yield Message(now, "aggTrade", data, None, *_taken(fill))
        self._waiting.clear()


def _taken(fill: Fill) -> tuple[int, int]:
    """Return what the taker bought and sold, in lots."""
    return (0, fill.lots) if fill.buyer_is_maker else (fill.lots, 0)
