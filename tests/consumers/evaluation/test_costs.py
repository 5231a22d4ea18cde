"""Edges against costs, and what takers paid: worked numbers."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from connectors.raw import RawBatch
from consumers.evaluation.costs import cost
from consumers.evaluation.executions import Executions
from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import after
from consumers.evaluation.slippage import Execution, slippage
from tests.consumers.evaluation.markets import led, series

IMBALANCE = Feature("orderflow_imbalance", 0.0)


def test_an_edge_is_the_mean_return_in_the_called_direction() -> None:
    mid, feature = led(np.random.default_rng(1), 4000)
    one = series(mid, {IMBALANCE.name: feature, "bid_ask_spread_pct": np.full(4000, 0.01)})
    labels = after(one, 0.1)
    told = cost(one, IMBALANCE, labels, fee_bps=5.0, level=0.05, seed=1)

    assert told is not None
    assert told.edge is not None
    assert told.strongest is not None
    called = labels.known & (feature != 0)
    assert told.edge.value == pytest.approx(np.mean(np.sign(feature[called]) * labels.return_bps[called]))
    first, second = np.split(np.flatnonzero(labels.known), [labels.known.sum() // 2])
    strong = second[np.abs(feature[second]) >= np.quantile(np.abs(feature[first]), 0.9)]
    assert told.strongest_calls == len(strong)
    assert told.strongest.value == pytest.approx(np.mean(np.sign(feature[strong]) * labels.return_bps[strong]))
    assert told.spread_bps == pytest.approx(1.0)
    assert told.cost_bps == pytest.approx(11.0)
    assert told.net_bps == pytest.approx(told.strongest.value - 11.0)
    assert not told.pays


def test_a_large_edge_pays_where_trading_is_free() -> None:
    mid, feature = led(np.random.default_rng(2), 4000, 0.9)
    one = series(mid, {IMBALANCE.name: feature, "bid_ask_spread_pct": np.zeros(4000)})
    told = cost(one, IMBALANCE, after(one, 0.1), fee_bps=0.0, level=0.05, seed=1)

    assert told is not None
    assert told.pays


def test_without_a_direction_or_data_there_is_no_edge() -> None:
    one = series(np.full(50, 100.0), {IMBALANCE.name: np.ones(50)})
    told = cost(one, IMBALANCE, after(one, 4.0), fee_bps=5.0, level=0.05, seed=1)

    assert cost(one, Feature("total_depth", None), after(one, 0.1), fee_bps=5.0, level=0.05, seed=1) is None
    assert told is not None
    assert (told.edge, told.strongest, told.net_bps) == (None, None, None)


def test_slippage_is_the_distance_from_the_mid_before_the_order() -> None:
    count = 300
    one = series(np.full(count, 100.0), {"bid_ask_spread_pct": np.full(count, 0.02)})
    bought = [Execution(100 * at + 50, 100.01, 1.0) for at in range(count - 60)]
    # One order in two executions: 100.01 and 100.03 make 100.02 on average, twice half the spread.
    swept = [Execution(100 * at + 60, price, -1.0) for at in range(count - 60) for price in (99.99, 99.97)]
    whole, *parts = slippage(one, [*bought, *swept], level=0.05, seed=1)

    assert (whole.sizes, whole.orders, whole.quantity) == ("all", 480, 720.0)
    assert whole.half_spread_bps == pytest.approx(1.0)
    assert whole.slippage_bps == pytest.approx(1.5)
    assert whole.realised_bps == pytest.approx(1.5)  # the price stands still: the maker keeps all of it
    assert whole.difference is not None
    assert whole.difference.value == pytest.approx(0.5)
    assert sum(part.orders for part in parts) == 480
    assert parts[0].slippage_bps == pytest.approx(1.0)


def test_the_book_of_the_same_moment_is_not_the_book_before() -> None:
    mid = np.where(np.arange(400) % 2, 101.0, 100.0)
    one = series(mid, {"bid_ask_spread_pct": np.full(400, 0.02)})
    at_tick = [Execution(200 * at, 100.0, 1.0) for at in range(1, 150)]

    assert slippage(one, at_tick, level=0.05, seed=1)[0].slippage_bps == pytest.approx(-1e4 / 101)


def test_few_trades_and_trades_without_a_book_tell_nothing() -> None:
    one = series(np.full(300, 100.0), {"bid_ask_spread_pct": np.full(300, 0.02)})
    late = [Execution(10_000_000 + at, 100.0, 1.0) for at in range(200)]

    assert slippage(one, [], level=0.05, seed=1) == []
    assert slippage(one, [Execution(50, 100.0, 1.0)] * 3, level=0.05, seed=1) == []
    assert slippage(one, late, level=0.05, seed=1) == []


def message(stream: str, **data: object) -> bytes:
    return orjson.dumps({"stream": stream, "data": data})


def test_trades_are_read_once_and_only_those_of_the_book() -> None:
    trade = {"E": 5, "T": 4, "p": "100.5", "q": "2", "m": True}
    values = [
        message("btcusdt@trade", **trade, X="MARKET"),
        message("btcusdt@aggTrade", **trade),
        message("btcusdt@trade", **trade, X="INSURANCE_FUND"),
        message("btcusdt@trade", E=7, p="101", q="1", m=False),
        message("btcusdt@trade", E=7, p="none", q="1", m=False),
        message("btcusdt@depth20", bids=[]),
        b'{"stream":"btcusdt@trade"',
        b"no json",
        None,
    ]
    batch = RawBatch("raw")
    for value in values:
        batch.append(value, key=b"binance-usdm:BTCUSDT")
    executions = Executions()
    executions.take(batch)

    assert executions.found == {"binance-usdm:BTCUSDT": [Execution(4, 100.5, -2.0), Execution(7, 101.0, 1.0)]}
