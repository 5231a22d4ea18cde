"""The worked numbers of docs/metrics.md, on each path that a book can take: whole, and told by differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

from orderbook import MeasureConfig
from orderbook.events import Side
from tests.orderbook.feeds import COINM, SPOT, USDM, Levels, Run, Told, book, futures, snapshot, spot, trade

Sides: TypeAlias = tuple[Side, Side]

FIRST: Sides = ([(100.0, 5.0), (99.9, 3.0), (99.8, 2.0)], [(100.1, 2.0), (100.2, 3.0), (100.3, 4.0)])
RISEN: Sides = ([(100.2, 1.0), (100.1, 4.0)], [(100.3, 4.0)])
FALLEN: Sides = ([(100.0, 3.0)], [(100.1, 2.0)])
TWENTY: Sides = ([(100.0 - i, 1.0) for i in range(20)], [(101.0 + i, 1.0) for i in range(20)])
NOTHING: Sides = ([], [])

NEAR = [f"{side}_notional_{bps}bps" for bps in (5, 10, 25) for side in ("bid", "ask")]

EACH_PATH = pytest.mark.parametrize("path", ["partial", "spot", "futures"])


def tell(path: str, *books: Sides) -> Iterator[Told]:
    """Books one after the other: as they are, or as the differences between them after an empty snapshot."""
    if path != "partial":
        yield snapshot(100)
    before: Sides = NOTHING
    for number, now in enumerate(books, 101):
        if path == "partial":
            yield book(*now, update_id=number)
            continue
        bids, asks = (changed(old, new) for old, new in zip(before, now, strict=True))
        yield spot(number, number, bids, asks) if path == "spot" else futures(number - 1, number, number, bids, asks)
        before = now


def changed(before: Levels, now: Levels) -> Side:
    old, new = dict(before), dict(now)
    return [*((price, 0.0) for price in old if price not in new), *new.items()]


def measured(
    path: str, *books: Sides, config: MeasureConfig | None = None, instrument: str = SPOT
) -> list[dict[str, Any]]:
    return Run(config, instrument).feed(*tell(path, *books))


@EACH_PATH
def test_1_the_first_book(path: str) -> None:
    [record] = measured(path, FIRST)

    expected = {
        "state": "live",
        "bid_volume": 10.0,
        "ask_volume": 9.0,
        "orderflow_imbalance": 0.05263157894736842,
        "mid_price": 100.05,
        "bid_ask_spread_pct": 0.09995002498750057,
        "bid_notional": 999.3000000000001,  # 999.3 but for 99.9 * 3 in binary floating point
        "ask_notional": 902.0,
        "order_book_depth_ratio": 1.1078713968957872,
        "total_depth": 1901.3000000000002,
        "large_order_presence": 1.0,
        "micro_price": 100.07142857142857,
        "delta_volume": 0.0,
        "delta_events": 0,
        "best_bid": 100.0,
        "best_bid_quantity": 5.0,
        "best_ask": 100.1,
        "best_ask_quantity": 2.0,
        "trade_delta": None,
        "gaps": 0,
        "imbalance_l1": 3 / 7,
        "imbalance_l5": 0.05263157894736842,
        "depth_span_bid_bps": (100.05 - 99.8) / 100.05 * 10_000,  # 25 but for the mid
        "depth_span_ask_bps": (100.3 - 100.05) / 100.05 * 10_000,
    }
    assert {name: record[name] for name in expected} == expected


@EACH_PATH
@pytest.mark.parametrize(("estimator", "delta"), [("swept", 5.0), ("price_gap", 100.2 - 100.1)])
def test_2_buyers_reach_through_two_ask_levels(path: str, estimator: Any, delta: float) -> None:
    _, record = measured(path, FIRST, RISEN, config=MeasureConfig(delta_estimator=estimator))

    assert (record["delta_volume"], record["delta_events"]) == (delta, 1)


def test_10_the_events_of_the_last_second() -> None:
    times = (0, 100, 1_099, 1_100, 2_099)
    told = [book(*sides, ms=ms) for sides, ms in zip((FIRST, RISEN, FALLEN, FALLEN, FALLEN), times, strict=True)]
    records = Run().feed(*told)

    assert [record["delta_volume"] for record in records] == [0.0, 5.0, 0.0, 0.0, 0.0]
    assert [record["delta_volume_1s"] for record in records] == [0.0, 5.0, 0.0, -5.0, 0.0]
    assert [record["delta_window_ms"] for record in records] == [None, 0, 999, 1_000, 1_999]


def test_10_the_trades_of_the_last_second() -> None:
    run = Run()
    records = run.feed(book(*FIRST, ms=900), trade(1, 0.5, ms=1_000), trade(2, -0.2, ms=1_400), book(*FIRST, ms=1_300))
    records += run.feed(book(*FIRST, ms=2_000), book(*FIRST, ms=2_400))

    assert [record["trade_delta_1s"] for record in records] == [None, 0.3, -0.2, 0.0]
    assert [record["trade_count_1s"] for record in records] == [0, 2, 1, 0]


@EACH_PATH
def test_9_order_flow_between_the_books_of_1_2_and_3(path: str) -> None:
    records = measured(path, FIRST, RISEN, FALLEN)

    # RISEN: a new best bid of 1, and the best ask of 2 is gone. FALLEN: the bid of 1 is gone, a new best ask of 2.
    assert [record["ofi_l1"] for record in records] == [None, 3.0, -3.0]
    # All levels are shown: bids 10 -> 5 -> 3, asks 9 -> 4 -> 2.
    assert [record["ofi_ml"] for record in records] == [None, 0.0, 0.0]
    assert [record["ofi_ew_2s"] for record in records] == [0.0, 3.0, 0.0]


def test_9_what_flowed_half_a_second_ago_counts_for_less() -> None:
    run = Run()
    told = [book(*sides, ms=ms) for sides, ms in ((FIRST, 1_000), (RISEN, 1_000), (FALLEN, 1_500))]
    *_, record = run.feed(*told)

    assert record["ofi_ew_500ms"] == 3.0 * math.exp(-1) - 3.0
    assert record["ofi_ew_2s"] == 3.0 * math.exp(-0.25) - 3.0


@EACH_PATH
@pytest.mark.parametrize(("estimator", "event"), [("swept", -5.0), ("price_gap", 100.1 - 100.2)])
def test_3_sellers_reach_back_through_two_bid_levels(path: str, estimator: Any, event: float) -> None:
    *_, before, record = measured(path, FIRST, RISEN, FALLEN, config=MeasureConfig(delta_estimator=estimator))

    assert record["delta_events"] == 2
    assert record["delta_volume"] == before["delta_volume"] + event == 0.0


@EACH_PATH
def test_4_one_side_only(path: str) -> None:
    only_bids, only_asks = measured(path, ([(100.0, 5.0)], []), ([], [(100.1, 5.0)]))

    expected = {
        "state": "one_sided",
        "orderflow_imbalance": 1.0,
        "order_book_depth_ratio": 2.0,
        "bid_notional": 500.0,
        "ask_notional": 0.0,
        "bid_ask_spread_pct": None,
        "mid_price": None,
        "micro_price": None,
        "best_ask": None,
        "best_ask_quantity": None,
    }
    assert {name: only_bids[name] for name in expected} == expected
    expected = {
        "state": "one_sided",
        "orderflow_imbalance": -1.0,
        "order_book_depth_ratio": 0.0,
        "bid_notional": 0.0,
        "best_bid": None,
        "best_bid_quantity": None,
        "best_ask": 100.1,
    }
    assert {name: only_asks[name] for name in expected} == expected


@EACH_PATH
def test_4_nothing_at_all(path: str) -> None:
    [record] = measured(path, NOTHING)

    expected = {
        "state": "empty",
        "orderflow_imbalance": None,
        "order_book_depth_ratio": None,
        "large_order_presence": None,
        "bid_notional": 0.0,
        "ask_notional": 0.0,
        "total_depth": 0.0,
        "bid_volume": 0.0,
        "ask_volume": 0.0,
        "best_bid": None,
        "best_ask": None,
        "delta_volume": 0.0,
    }
    assert {name: record[name] for name in expected} == expected


@EACH_PATH
def test_5_a_window_of_two_events(path: str) -> None:
    again: Sides = ([(100.1, 1.0)], [(100.2, 3.0)])
    last: Sides = ([(100.2, 1.0)], [(100.3, 3.0)])
    records = measured(path, FIRST, RISEN, FALLEN, again, last, config=MeasureConfig(delta_volume_window=2))

    assert [record["delta_volume"] for record in records] == [0.0, 5.0, 0.0, -3.0, 5.0]
    assert [record["delta_events"] for record in records] == [0, 1, 2, 2, 2]


def test_5_sums_of_plus_five_minus_five_plus_three() -> None:
    run = Run(MeasureConfig(delta_volume_window=2))
    sums = []
    for number, quantity in enumerate((5.0, -5.0, 3.0)):
        run.feed(trade(number, quantity))
        sums.append(run.one(book(*FIRST))["trade_delta"])

    assert sums == [5.0, 0.0, -2.0]


@EACH_PATH
@pytest.mark.parametrize(("threshold", "presence"), [(0.01, 1.0), (0.03, 0.0)])
def test_6_twenty_equal_levels_a_side(path: str, threshold: float, presence: float) -> None:
    [record] = measured(path, TWENTY, config=MeasureConfig(large_order_threshold_pct=threshold))

    assert record["large_order_presence"] == presence


@EACH_PATH
@pytest.mark.parametrize("count", range(7))
def test_6_presence_rises_by_a_fifth_with_each_large_order(path: str, count: int) -> None:
    small = [(90.0 - i, 1.0) for i in range(10)]
    large = [(100.0 + i, 100.0) for i in range(count)]
    [record] = measured(path, (small, large), config=MeasureConfig(large_order_threshold_pct=0.1))

    assert record["large_order_presence"] == min(count / 5, 1.0)


@EACH_PATH
def test_6_a_level_of_exactly_the_threshold_is_not_large(path: str) -> None:
    [record] = measured(path, ([(100.0, 2.0)], [(101.0, 6.0)]), config=MeasureConfig(large_order_threshold_pct=0.25))

    assert record["large_order_presence"] == 0.2


def test_7_trades_add_up_signed_by_their_aggressor() -> None:
    run = Run()
    run.feed(trade(1, 0.5), trade(2, -0.2))

    assert run.one(book(*FIRST))["trade_delta"] == 0.3


@EACH_PATH
def test_a_crossed_book_keeps_its_best_prices_and_volumes_only(path: str) -> None:
    _, record = measured(path, FIRST, ([(100.3, 1.0)], [(100.2, 2.0)]))

    nulls = {name for name, value in record.items() if value is None}
    assert record["state"] == "crossed"
    assert nulls == {
        "orderflow_imbalance", "delta_volume", "bid_ask_spread_pct", "order_book_depth_ratio", "large_order_presence",
        "bid_notional", "ask_notional", "total_depth", "mid_price", "micro_price",
        "imbalance_l1", "imbalance_l5", "ofi_l1", "ofi_ml", "ofi_ew_500ms", "ofi_ew_2s",
        "delta_volume_1s", "trade_delta_1s", "delta_window_ms",
        "depth_span_bid_bps", "depth_span_ask_bps", *NEAR,
        "transaction_time_ms", "receive_time_ns", "trade_delta", *(["event_time_ms"] if path == "partial" else []),
    }  # fmt: skip
    assert (record["best_bid"], record["best_ask"], record["bid_volume"]) == (100.3, 100.2, 1.0)


@EACH_PATH
def test_a_locked_book_is_crossed(path: str) -> None:
    [record] = measured(path, ([(100.0, 1.0)], [(100.0, 1.0)]))

    assert record["state"] == "crossed"


@EACH_PATH
def test_a_crossed_book_is_no_predecessor_and_leaves_the_window_as_it_is(path: str) -> None:
    crossed: Sides = ([(100.3, 1.0)], [(100.2, 2.0)])
    _, before, during, after = measured(path, FIRST, RISEN, crossed, FALLEN)

    assert (before["delta_volume"], before["delta_events"]) == (5.0, 1)
    assert (during["delta_volume"], during["delta_events"]) == (None, 1)
    assert (after["delta_volume"], after["delta_events"]) == (0.0, 2)  # -5 against RISEN, not against the crossed book


@EACH_PATH
def test_where_the_predecessor_lacks_the_side_there_is_no_event(path: str) -> None:
    _, record = measured(path, ([(100.0, 5.0)], []), ([(105.0, 5.0)], [(106.0, 1.0)]))

    assert record["delta_events"] == 0


@EACH_PATH
def test_a_one_sided_book_is_a_predecessor(path: str) -> None:
    *_, record = measured(path, FIRST, ([(100.0, 5.0)], []), ([], [(99.0, 1.0)]))

    assert (record["delta_volume"], record["delta_events"]) == (-5.0, 1)


def test_a_bid_at_the_old_best_ask_swept_it_but_left_no_price_gap() -> None:
    touched: Sides = ([(100.1, 1.0)], [(100.2, 1.0)])
    _, swept = measured("partial", FIRST, touched)
    _, gap = measured("partial", FIRST, touched, config=MeasureConfig(delta_estimator="price_gap"))

    assert (swept["delta_volume"], swept["delta_events"]) == (2.0, 1)
    assert (gap["delta_volume"], gap["delta_events"]) == (0.0, 0)


def test_a_sweep_is_cut_off_at_the_last_level_of_a_partial_book_and_not_in_a_full_one() -> None:
    deep: Sides = (FIRST[0], [(100.1, 2.0), (100.2, 3.0), (100.3, 4.0), (100.4, 8.0)])
    swept: Sides = ([(100.4, 1.0)], [(100.5, 1.0)])
    config = MeasureConfig(depth_levels=3)

    partial, full = (measured(path, deep, swept, config=config)[-1] for path in ("partial", "spot"))
    assert (partial["delta_volume"], partial["delta_truncated"]) == (9.0, 1)
    assert (full["delta_volume"], full["delta_truncated"]) == (17.0, 0)


@pytest.mark.parametrize(("reached", "truncated"), [(100.2, 0), (100.3, 0), (100.4, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sweep_that_ends_at_the_last_known_level_is_whole(reached: float, truncated: int, sign: int) -> None:
    first: Sides = ([(100.0, 1.0)], [(100.1, 2.0), (100.2, 3.0), (100.3, 4.0)])
    swept: Sides = ([(reached, 1.0)], [(101.0, 1.0)])
    if sign < 0:  # the same mirrored at 200
        first, swept = ((mirrored(asks), mirrored(bids)) for bids, asks in (first, swept))
    record = measured("partial", first, swept)[-1]

    assert (record["delta_events"], record["delta_truncated"]) == (1, truncated)
    assert (
        measured("partial", first, swept, config=MeasureConfig(delta_estimator="price_gap"))[-1]["delta_truncated"] == 0
    )


def test_an_event_that_left_the_window_is_not_counted_as_cut_off() -> None:
    deep: Sides = ([(100.5, 1.0)], [(100.6, 1.0)])
    back: Sides = ([(100.0, 1.0)], [(100.5, 1.0)])
    records = measured("partial", FIRST, deep, back, deep, config=MeasureConfig(delta_volume_window=2))

    assert [record["delta_truncated"] for record in records] == [0, 1, 1, 0]


def mirrored(levels: Side) -> Side:
    return [(round(200.0 - price, 1), quantity) for price, quantity in levels]


@EACH_PATH
@pytest.mark.parametrize(
    ("instrument", "sizes", "notional"),
    [
        (SPOT, {}, 999.3000000000001),
        (USDM, {"BTCUSDT": 7.0}, 999.3000000000001),
        (COINM, {}, 1000.0),
        ("binance-coinm:BTCUSD_250926", {}, 1000.0),
        ("binance-coinm:ETHUSD_PERP", {}, 100.0),
        ("binance-coinm:BTCDOMUSD_PERP", {}, 100.0),
        ("binance-coinm:ETHUSD_PERP", {"ETHUSD_PERP": 3.0}, 30.0),
        (COINM, {"BTCUSD_PERP": 50.0}, 500.0),
    ],
)
def test_a_coin_margined_contract_is_worth_its_size_whatever_the_price(
    path: str, instrument: str, sizes: dict[str, float], notional: float
) -> None:
    [record] = measured(path, FIRST, config=MeasureConfig(contract_sizes=sizes), instrument=instrument)

    assert record["bid_notional"] == notional
    assert record["bid_volume"] == 10.0


@EACH_PATH
def test_only_the_best_levels_up_to_the_setting_count(path: str) -> None:
    [record] = measured(path, FIRST, config=MeasureConfig(depth_levels=2))

    assert (record["bid_volume"], record["ask_volume"]) == (8.0, 5.0)
