"""Owns the figures by which a simulated market is compared with a recorded one: pure functions over events.

The figures are computed from payloads alone, never from the truth, so that a real recording (wrapped in `Event`s) and
a simulated one go through the same code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from heapq import nlargest, nsmallest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.events import Event

_TOP = 20
_NS = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Figures of one instrument; None where its streams do not tell.

    `levels_p50`, `levels_p99`: changed levels per diff. `zero_pct`: deletes among them, in percent. `unknown_pct`:
    deletes of prices that the receiver did not hold, in percent of the deletes. `one_tick_pct`: depth messages whose
    spread is the smallest seen. `span_bps`: median distance of the farther 20th level from the mid price, in basis
    points. `trades_per_s`, `quotes_per_s`: messages of `trade` and `bookTicker`. `moves_per_s`: quotes that change the
    mid price. `hit_pct`: quotes whose queue imbalance has the sign of the next change of the mid price, in percent;
    `last_hit_pct`: the same of the last quote before each change.
    """

    levels_p50: float | None
    levels_p99: float | None
    zero_pct: float | None
    unknown_pct: float | None
    one_tick_pct: float | None
    span_bps: float | None
    trades_per_s: float
    quotes_per_s: float
    moves_per_s: float
    hit_pct: float | None
    last_hit_pct: float | None


@dataclass(slots=True)
class _Tally:
    """What is collected of one instrument while its events go by. Prices are integers: text without its point."""

    bids: dict[int, float] = field(default_factory=dict)
    asks: dict[int, float] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    seeded: bool = False
    levels: list[int] = field(default_factory=list)
    applied: int = 0
    deletes: int = 0
    unknown: int = 0
    spreads: list[int] = field(default_factory=list)
    spans_bps: list[float] = field(default_factory=list)
    first_ns: int = 0
    last_ns: int = 0
    trades: int = 0
    quotes: int = 0
    mid: int = 0
    ups: int = 0
    downs: int = 0
    last_imbalance: float = 0.0
    moves: int = 0
    hits: int = 0
    calls: int = 0
    last_hits: int = 0

    def feed(self, event: Event) -> None:
        self.first_ns = self.first_ns or event.recv_ns
        self.last_ns = event.recv_ns
        stream = event.stream.partition("@")[2]
        if stream == "trade":
            self.trades += 1
            return
        data = json.loads(event.payload)["data"]
        if stream == "bookTicker":
            self._quote(data)
        elif stream == "snapshot":
            self._snapshot(data)
        elif stream.startswith("depth20"):
            self.bids, self.asks = (_levels(data.get(long) or data[short]) for long, short in _SIDES)
            self._measure()
        elif stream.startswith("depth"):
            self.levels.append(len(data["b"]) + len(data["a"]))
            if self.seeded:
                self._apply(data)
                self._measure()
            else:
                self.waiting.append(data)

    def _snapshot(self, data: dict[str, Any]) -> None:
        if self.seeded:
            return
        self.bids, self.asks = _levels(data["bids"]), _levels(data["asks"])
        self.seeded = True
        for diff in self.waiting:
            if diff["u"] > data["lastUpdateId"]:
                self._apply(diff)
        self.waiting.clear()

    def _apply(self, diff: dict[str, Any]) -> None:
        for side, changes in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for price, quantity in _levels(changes).items():
                self.applied += 1
                if quantity:
                    side[price] = quantity
                else:
                    self.deletes += 1
                    self.unknown += side.pop(price, None) is None

    def _measure(self) -> None:
        bids, asks = nlargest(_TOP, self.bids), nsmallest(_TOP, self.asks)
        middle = (bids[0] + asks[0]) / 2
        self.spreads.append(asks[0] - bids[0])
        self.spans_bps.append(1e4 * max(middle - bids[-1], asks[-1] - middle) / middle)

    def _quote(self, data: dict[str, Any]) -> None:
        self.quotes += 1
        mid = _digits(data["b"]) + _digits(data["a"])
        if self.mid and mid != self.mid:
            up = mid > self.mid
            self.moves += 1
            self.hits += self.ups if up else self.downs
            self.calls += self.ups + self.downs
            self.last_hits += self.last_imbalance > 0 if up else self.last_imbalance < 0
            self.ups = self.downs = 0
        self.mid = mid
        self.last_imbalance = float(data["B"]) - float(data["A"])
        self.ups += self.last_imbalance > 0
        self.downs += self.last_imbalance < 0

    def figures(self) -> Figures:
        seconds = max(self.last_ns - self.first_ns, 1) / _NS
        tick = min(self.spreads, default=0)
        return Figures(
            levels_p50=_quantile(self.levels, 0.5),
            levels_p99=_quantile(self.levels, 0.99),
            zero_pct=_pct(self.deletes, self.applied),
            unknown_pct=_pct(self.unknown, self.deletes),
            one_tick_pct=_pct(self.spreads.count(tick), len(self.spreads)),
            span_bps=_quantile(self.spans_bps, 0.5),
            trades_per_s=self.trades / seconds,
            quotes_per_s=self.quotes / seconds,
            moves_per_s=self.moves / seconds,
            hit_pct=_pct(self.hits, self.calls),
            last_hit_pct=_pct(self.last_hits, self.moves),
        )


def measure(events: Iterable[Event]) -> dict[str, Figures]:
    """Return the figures of each instrument, keyed "venue:symbol" in the order of first appearance."""
    tallies: dict[str, _Tally] = {}
    for event in events:
        tallies.setdefault(f"{event.venue}:{event.symbol}", _Tally()).feed(event)
    return {name: tally.figures() for name, tally in tallies.items()}


def table(figures: Mapping[str, Figures]) -> str:
    """Return the figures as a Markdown table, a row per instrument; "-" where a figure is not defined."""
    names = [column.name for column in fields(Figures)]
    rows = ["| instrument | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for instrument, row in figures.items():
        cells = [_cell(getattr(row, name)) for name in names]
        rows.append(f"| {instrument} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


_SIDES = (("bids", "b"), ("asks", "a"))


def _digits(price: str) -> int:
    return int(price.replace(".", ""))


def _levels(levels: Iterable[Iterable[str]]) -> dict[int, float]:
    return {_digits(price): float(quantity) for price, quantity in levels}


def _quantile(values: list[int] | list[float], q: float) -> float | None:
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def _pct(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
