"""What makes books hard does occur: sweeps, walls, drifts, quiet stretches, bursts, far prices, ghost deletes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from statistics import mean, median
from typing import Any

import pytest

from simulator import Regime
from tests.simulator.replay import STEADY, Receiver, data, diffs, instrument, kind, of_kind, run


def test_a_drift_outruns_the_snapshot() -> None:
    rising = (Regime(name="rising", weight=1, mean_s=60.0, activity_pct=200, drift=1, jump_pct=400),)
    chosen = instrument(2, "diff", "snapshot", regimes=rising)
    receiver, wrong = Receiver(chosen.venue), 0

    for event in run(chosen, seconds=20):
        if kind(event) == "snapshot":
            receiver.snapshot(data(event))
            continue
        receiver.diff(data(event))
        assert event.truth is not None
        wrong += receiver.joined and receiver.top()[1] != event.truth.asks

    assert event.truth is not None
    assert Decimal(event.truth.bids[0][0]) > receiver.known[1]
    assert wrong > 0


def test_the_default_market_leaves_the_snapshot_within_minutes_in_some_runs() -> None:
    chosen = instrument(2, "depth@100ms", "snapshot")
    mids = [Decimal(event.truth.bids[0][0]) for event in run(chosen, seconds=60, seed=3) if event.truth]

    assert max(mids) - min(mids) > mids[0] * Decimal("0.003")


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize(
    ("price", "changes"),
    [("10.00", {"span_ticks": 20}), ("20.00", {"span_ticks": 200, "levels": 100}), ("10.00", {"sweeps_per_min": 3e3})],
)
def test_odd_markets_keep_two_full_sides_above_zero(price: str, changes: dict[str, Any], direction: int) -> None:
    rush = (Regime(name="rush", weight=1, mean_s=60.0, activity_pct=300, drift=direction, jump_pct=2_000),)
    flow = replace(instrument(2).flow, **{"span_ticks": 20, "walls_per_min": 600.0, **changes})
    chosen = instrument(2, "diff", tick_size="0.01", start_price=price, flow=flow, regimes=rush)

    for event in run(chosen, seconds=8):
        assert event.truth is not None
        bids, asks = event.truth[:2]
        assert len(bids) == len(asks) == 20
        assert 0 < Decimal(bids[-1][0]) < Decimal(bids[0][0]) < Decimal(asks[0][0]) < Decimal(asks[-1][0])


def test_sweeps_run_through_many_levels() -> None:
    prices: dict[int, set[str]] = defaultdict(set)
    for event in run(instrument(0, "trade"), seconds=60):
        prices[data(event)["T"]].add(data(event)["p"])

    assert max(map(len, prices.values())) >= 8
    assert sum(len(found) == 1 for found in prices.values()) > 0.8 * len(prices)


def test_walls_appear_and_vanish() -> None:
    tops = [dict(event.truth.bids) for event in diffs(run(instrument(0), seconds=60)) if event.truth]
    usual = median(Decimal(quantity) for top in tops for quantity in top.values())
    walls: dict[str, int] = defaultdict(int)
    for top in tops:
        for price, quantity in top.items():
            walls[price] += Decimal(quantity) > 500 * usual

    assert any(5 < seen < len(tops) // 2 for seen in walls.values())


def test_regimes_change_the_pace() -> None:
    quiet, busy = (
        len(
            of_kind(run(instrument(0, regimes=(Regime(name="only", weight=1, mean_s=9.0, activity_pct=pct),))), "trade")
        )
        for pct in (10, 200)
    )

    assert busy > 5 * max(quiet, 1)


def test_diffs_come_in_calm_and_in_bursts() -> None:
    sizes = sorted(len(data(event)["b"]) + len(data(event)["a"]) for event in diffs(run(instrument(2), seconds=30)))

    assert sizes[len(sizes) * 99 // 100] > 6 * sizes[len(sizes) // 2]


def test_a_stretch_without_changes_has_no_diffs() -> None:
    asleep = (Regime(name="asleep", weight=1, mean_s=600.0, activity_pct=1),)
    events = diffs(run(instrument(0, regimes=asleep, streams=("depth@100ms",)), seconds=20))

    assert 0 < len(events) < 150
    assert all(data(event)["b"] or data(event)["a"] for event in events)


def test_forgotten_orders_rest_far_from_the_market() -> None:
    bids = {Decimal(price) for event in diffs(run(instrument(2), seconds=20)) for price, _ in data(event)["b"]}

    assert Decimal("200.00") in bids


def test_deletes_of_unknown_prices_are_normal() -> None:
    chosen = instrument(4, "diff", "snapshot", regimes=STEADY)
    receiver, deletes = Receiver(chosen.venue), 0
    for event in run(chosen, seconds=20):
        if kind(event) == "snapshot":
            receiver.snapshot(data(event))
        else:
            receiver.diff(data(event))
            deletes += sum(Decimal(q) == 0 for side in "ba" for _, q in data(event)[side])

    assert 0.05 < receiver.unknown_deletes / deletes < 0.3


def test_the_spread_opens_for_moments_only() -> None:
    spreads = [
        Decimal(data(event)["a"]) - Decimal(data(event)["b"])
        for event in of_kind(run(instrument(2), seconds=30), "bookTicker")
    ]

    assert min(spreads) == Decimal("0.10")
    assert 0 < mean(spread > min(spreads) for spread in spreads) < 0.05
