"""Owns how a `Flow` becomes tables of integers: every draw that the order flow makes, and its law."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.draws import TABLE_SIZE, exponential, lognormal, odds, pareto, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulator.draws import Draws
    from simulator.instrument import Flow, Regime

MIN_LEVELS = 60
"""A side never falls below this many levels."""

_MEDIAN_RANK = 80
_CROWDING = 0.8


def typical_distance(flow: Flow, rank: float) -> float:
    """Return where in ticks behind the best price the level of that rank typically stands.

    span_ticks * (rank / 20) ** 0.8: deeper levels crowd, as recorded ones do (twice as dense at rank 1000 as at 20).
    New levels come at distances, and cancels at ranks, of laws that have this curve as their balance.
    """
    return float(flow.span_ticks * (rank / 20) ** _CROWDING)


_FAR_SHARE = 64
_MINUTE_NS = 60_000_000_000


class FlowDraws:
    """All streams of draws of one instrument's order flow; the names say what they are and in which unit."""

    def __init__(self, flow: Flow, regimes: Sequence[Regime], draws: Draws) -> None:
        self._draws = draws
        self.orders_per_s = round(flow.quotes_per_s + flow.touch_per_s + flow.takers_per_s)
        self.quote_below = TABLE_SIZE * flow.quotes_per_s // self.orders_per_s
        self.touch_below = TABLE_SIZE * (flow.quotes_per_s + flow.touch_per_s) // self.orders_per_s
        self.modify_below = TABLE_SIZE * flow.modify_pct // 100
        self.flicker_below = self.modify_below + TABLE_SIZE * flow.flicker_pct // 100
        self.longest_burst = flow.burst_quotes * 24
        self._timing(flow)
        self._prices(flow)
        self._sizes(flow)
        self.kinds = draws.rolls("kind")
        self.quotes = draws.rolls("quote")
        self.rolls = draws.rolls("roll")
        self.sides = draws.stream("side", uniform(0, 1))
        self.regime_lengths = draws.stream("regime length", exponential(1024.0))
        self.regimes = self._regimes(regimes)

    def _timing(self, flow: Flow) -> None:
        stream = self._draws.stream
        self.gaps = stream("gap", exponential(1024.0))
        self.burst_gaps_ns = stream("burst gap", exponential(40_000.0))
        self.open_ns = stream("open spread", exponential(8_000_000.0))
        self.sweep_gaps_ns = stream("sweep gap", exponential(_MINUTE_NS / flow.sweeps_per_min))
        self.wall_gaps_ns = stream("wall gap", exponential(_MINUTE_NS / flow.walls_per_min))
        self.wall_lives_ns = stream("wall life", exponential(4_000_000_000.0))

    def _prices(self, flow: Flow) -> None:
        stream = self._draws.stream
        distances = odds(typical_distance(flow, _MEDIAN_RANK), _CROWDING)
        distances[-_FAR_SHARE:] = [0] * _FAR_SHARE  # 0 = one of the far round prices
        self.distances = stream("distance", distances)
        self.ranks = stream("rank", odds(_MEDIAN_RANK))
        self.jumps = stream("jump", odds(flow.jump_ticks, highest=12 * flow.jump_ticks))
        self.sweep_levels = stream("sweep levels", pareto(0.6, highest=56))
        self.wall_ranks = stream("wall rank", uniform(1, 12))

    def _sizes(self, flow: Flow) -> None:
        stream = self._draws.stream
        self.quote_lots = stream("quote lots", lognormal(flow.quote_lots, flow.size_sigma))
        self.touch_lots = stream("touch lots", lognormal(flow.touch_lots, 1.0))
        self.queue_lots = stream("queue lots", lognormal(5 * flow.touch_lots, 1.2))
        self.taker_lots = stream("taker lots", lognormal(flow.taker_lots, flow.size_sigma + 0.4))
        self.wall_lots = stream("wall lots", lognormal(60 * flow.touch_lots, 0.5))
        self.fills = stream("fills", pareto(1.3, highest=60))
        self.bursts = stream("burst", lognormal(flow.burst_quotes, 1.2))

    def _regimes(self, regimes: Sequence[Regime]) -> Iterator[Regime]:
        """Return an endless iterator of regimes, drawn by weight."""
        ladder = [i for i, regime in enumerate(regimes) for _ in range(regime.weight)] or [0]
        rows = [ladder[row * len(ladder) // TABLE_SIZE] for row in range(TABLE_SIZE)]
        return (regimes[i] for i in self._draws.stream("regime", rows))

    def opening(self, purpose: str, table: Sequence[int]) -> Iterator[int]:
        """Return a stream that only the opening of the book uses."""
        return self._draws.stream(f"opening {purpose}", table)
