"""Owns the way from the exchange to the collector: receive times, envelopes, dirt, and the truth beside each message.

The truth's volumes are counted here, since they are those of the trades that came before in the *output* order.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from simulator.draws import TABLE_SIZE, Draws, exponential
from simulator.events import Event, Truth
from simulator.exchange import MS, Message
from simulator.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.dirt import Dirt
    from simulator.instrument import Instrument

_LATENCY_NS = 2_500_000
_JITTER_NS = 200_000.0
_LINE_NS = 500
_SKEW_WALK_BITS = 4


class Delivery:
    """Carries one instrument's messages.

    Args:
        instrument, seed, start_ms: As for the exchange.
        dirt: What goes wrong on the way.
    """

    def __init__(self, instrument: Instrument, seed: int, start_ms: int, dirt: Dirt) -> None:
        draws = Draws(seed, instrument.name)
        self._instrument = instrument
        self._dirt = dirt
        self._start_ns = (start_ms + dirt.clock_offset_ms) * MS + _LATENCY_NS
        self._jitter = draws.stream("latency", exponential(_JITTER_NS))
        self._rolls = draws.rolls("dirt")
        self._names = {stream: f"{instrument.symbol.lower()}@{stream}" for stream in instrument.streams}
        self._text = Grid(instrument.lot_size).text
        self._counts = "trade" if "trade" in instrument.streams else "aggTrade"
        self._bought = self._sold = self._dropped = 0
        self._skews = dict.fromkeys(instrument.streams, 0)

    def events(self, messages: Iterable[Message]) -> Iterator[Event]:
        """Yield the messages as events in the order of their receive time."""
        dirt = self._dirt
        if dirt.gap_pct:
            messages = self._drop(messages)
        if dirt.reorder_pct:
            messages = self._reorder(messages)
        if dirt.skew_ms:
            messages = self._skew(messages)
        last = 0
        for message in messages:
            last = max(last + _LINE_NS, self._start_ns + message.time_ns + next(self._jitter))
            yield self._event(message, last)
            if dirt.duplicate_pct and self._happens(dirt.duplicate_pct):
                last += _LINE_NS
                yield self._event(message._replace(bought_lots=0, sold_lots=0), last)

    def _event(self, message: Message, recv_ns: int) -> Event:
        name = self._names[message.stream]
        truth = None
        if message.top is not None:
            volumes = self._text(self._bought), self._text(self._sold)
            truth = Truth(tuple(message.top[0]), tuple(message.top[1]), *volumes, self._dropped)
        elif message.stream == self._counts:
            self._bought += message.bought_lots
            self._sold += message.sold_lots
        payload = f'{{"stream":"{name}","data":{message.data}}}'.encode("ascii")
        return Event(recv_ns, self._instrument.venue, self._instrument.symbol, name, payload, truth)

    def _happens(self, share_pct: float) -> bool:
        return next(self._rolls) < share_pct * TABLE_SIZE / 100

    def _drop(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Lose some diffs."""
        for message in messages:
            if message.stream == self._instrument.diff_stream and self._happens(self._dirt.gap_pct):
                self._dropped += 1
            else:
                yield message

    def _reorder(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Hold some trades back until the next trade has gone."""
        held: Message | None = None
        for message in messages:
            if message.stream != "trade":
                yield message
            elif held is None and self._happens(self._dirt.reorder_pct):
                held = message
            else:
                yield message
                if held is not None:
                    yield held._replace(time_ns=message.time_ns)
                    held = None
        if held is not None:
            yield held

    def _skew(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Delay each stream by its own wandering delay; the order within a stream stays."""
        late: list[tuple[int, int, Message]] = []
        leaves = dict.fromkeys(self._skews, 0)
        most = self._dirt.skew_ms * MS
        for number, message in enumerate(messages):
            while late and late[0][0] <= message.time_ns:
                yield heappop(late)[2]
            target = next(self._rolls) * most // TABLE_SIZE
            delay = self._skews[message.stream]
            delay += (target - delay) >> _SKEW_WALK_BITS
            self._skews[message.stream] = delay
            leaves[message.stream] = due = max(leaves[message.stream], message.time_ns + delay)
            heappush(late, (due, number, message._replace(time_ns=due)))
        while late:
            yield heappop(late)[2]
