"""A second, slow reader of the simulated streams: plain dicts, each venue's rules from its documentation.

Shares no code with the simulator, so that both would have to be wrong in the same way to agree.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from simulator import Event, Instrument, Regime, default_instruments, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable

DIFFS = {"binance-spot": "depth@100ms", "binance-usdm": "depth@0ms", "binance-coinm": "depth@100ms"}
STEADY = (Regime(name="steady", weight=1, mean_s=60.0),)


def instrument(number: int, *streams: str, **changes: Any) -> Instrument:
    """The default instrument with that number from 0, with other streams ("diff" = the venue's) or fields."""
    chosen = default_instruments(number + 1)[number]
    if streams:
        changes["streams"] = tuple(DIFFS[chosen.venue] if stream == "diff" else stream for stream in streams)
    return replace(chosen, **changes)


@lru_cache(maxsize=32)
def run(*instruments: Instrument, seconds: float = 10.0, seed: int = 7) -> tuple[Event, ...]:
    """A run that several tests read."""
    return tuple(simulate(instruments, seconds=seconds, seed=seed))


def data(event: Event) -> dict[str, Any]:
    envelope = json.loads(event.payload)
    assert list(envelope) == ["stream", "data"]
    assert envelope["stream"] == event.stream
    found: dict[str, Any] = envelope["data"]
    return found


def kind(event: Event) -> str:
    return event.stream.partition("@")[2]


def of_kind(events: Iterable[Event], *kinds: str) -> list[Event]:
    return [event for event in events if kind(event) in kinds]


def diffs(events: Iterable[Event]) -> list[Event]:
    return of_kind(events, "depth@100ms", "depth@0ms")


def partials(events: Iterable[Event]) -> list[Event]:
    return of_kind(events, "depth20@100ms")


class Receiver:
    """A book from a snapshot and diffs, with the levels as text."""

    def __init__(self, venue: str) -> None:
        self.spot = venue == "binance-spot"
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}
        self.last: int | None = None
        self.joined = False
        self.buffer: list[dict[str, Any]] = []
        self.unknown_deletes = 0
        self.known = (Decimal(0), Decimal(0))

    def snapshot(self, snapshot: dict[str, Any]) -> None:
        self.bids = {Decimal(p): (p, q) for p, q in snapshot["bids"]}
        self.asks = {Decimal(p): (p, q) for p, q in snapshot["asks"]}
        self.known = (min(self.bids), max(self.asks))
        self.last = snapshot["lastUpdateId"]
        waiting, self.buffer = self.buffer, []
        for diff in waiting:
            self.diff(diff)

    def diff(self, diff: dict[str, Any]) -> None:
        if self.last is None:
            self.buffer.append(diff)
            return
        if diff["u"] <= self.last if self.spot else diff["u"] < self.last:
            assert not self.joined
            return
        if self.joined:
            assert (diff["U"] == self.last + 1) if self.spot else (diff["pu"] == self.last)
        elif self.spot:
            assert diff["U"] <= self.last + 1 <= diff["u"]
        else:
            assert diff["U"] <= self.last <= diff["u"] or diff["pu"] == self.last
        self.joined = True
        self.last = diff["u"]
        for side, changes in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for price, quantity in changes:
                if Decimal(quantity):
                    side[Decimal(price)] = (price, quantity)
                elif side.pop(Decimal(price), None) is None:
                    self.unknown_deletes += 1

    def top(self) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        bids = tuple(self.bids[key] for key in sorted(self.bids, reverse=True)[:20])
        return bids, tuple(self.asks[key] for key in sorted(self.asks)[:20])

    def covers(self, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> bool:
        """Whether these levels lie where the snapshot told everything."""
        low, high = self.known
        return all(Decimal(p) >= low for p, _ in bids) and all(Decimal(p) <= high for p, _ in asks)
