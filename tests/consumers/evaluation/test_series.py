"""Records as arrays: in their order, each once, null as NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.fields import FEATURES, MICRO_PRICE, choose
from consumers.evaluation.quality import quality
from consumers.evaluation.series import records_to_series
from orderbook.record import CORE_FEATURES, NAMES


def record(seq: int, **more: Any) -> dict[str, Any]:
    told = {"venue": "sim", "symbol": "A", "seq": seq, "event_time_ms": 1000 * seq, "gaps": 0, "state": "live"}
    source = {"topic": "raw", "partition": 0, "offset": more.pop("offset", seq)}
    return {**dict.fromkeys(NAMES), **told, "mid_price": 100.0, "micro_price": 100.1, "source": source, **more}


def test_instruments_are_told_apart_and_null_is_nan() -> None:
    a, b = records_to_series(
        [record(1), record(1, symbol="B", offset=2, mid_price=None, micro_price=None), record(2, offset=3)]
    )

    assert (a.instrument, b.instrument) == ("sim:A", "sim:B")
    assert list(a.time_ms) == [1000, 2000]
    assert np.isnan(b.mid).all()
    assert a.features[MICRO_PRICE] == pytest.approx([10.0, 10.0])
    assert np.isnan(a.features["trade_delta"]).all()


def test_a_record_counts_once() -> None:
    told = [record(1), record(2), record(2), record(1), record(3)]
    [one] = records_to_series(told)

    assert list(one.seq) == [1, 2, 3]
    assert one.duplicates == 2


def test_another_source_is_no_duplicate() -> None:
    elsewhere = {"topic": "raw", "partition": 1, "offset": 1}
    [one] = records_to_series([record(5), record(6, source=elsewhere)])

    assert list(one.seq) == [5, 6]


def test_the_clock_never_goes_back_and_a_missing_one_is_the_receivers() -> None:
    told = [
        record(1, event_time_ms=500),
        record(2, event_time_ms=400),
        record(3, event_time_ms=None, receive_time_ns=700_000_000),
    ]
    [one] = records_to_series(told)

    assert list(one.time_ms) == [500, 500, 700]


def test_the_books_own_time_is_the_transactions() -> None:
    [one] = records_to_series([record(1, transaction_time_ms=990), record(2)])

    assert list(one.book_ms) == [990, 2000]


def test_many_records_are_taken_piece_by_piece() -> None:
    [one] = records_to_series(record(seq) for seq in range(1, 45_001))

    assert len(one) == 45_000
    assert list(one.seq[[0, 19_999, 20_000, -1]]) == [1, 20_000, 20_001, 45_000]


def test_features_are_the_records_numbers_but_for_what_names_a_record_or_a_price() -> None:
    names = {feature.name for feature in FEATURES}

    assert set(CORE_FEATURES) | {MICRO_PRICE, "trade_delta"} <= names <= {*NAMES, MICRO_PRICE}
    assert not names & {
        "seq",
        "event_time_ms",
        "receive_time_ns",
        "update_id",
        "mid_price",
        "best_bid",
        "state",
        "gaps",
    }
    middles = {feature.name: feature.middle for feature in FEATURES}
    assert middles["orderflow_imbalance"] == middles["delta_volume"] == 0
    assert middles["order_book_depth_ratio"] == 1
    assert middles["bid_ask_spread_pct"] is middles["large_order_presence"] is None


def test_an_unknown_feature_is_told_with_those_there_are() -> None:
    assert [feature.name for feature in choose(["delta_volume"])] == ["delta_volume"]
    with pytest.raises(EvaluationError, match=r"out of orderflow_imbalance, .*; received imbalance"):
        choose(["imbalance"])


def test_how_records_came_is_told() -> None:
    told = [record(seq, event_time_ms=100 * seq) for seq in range(1, 51)]
    told += [record(seq, event_time_ms=100 * seq + 9000, gaps=2, state="thin") for seq in range(61, 71)]
    [one] = records_to_series(told)
    found = quality(one)

    assert (found.records, found.missing, found.breaks, found.silences) == (60, 10, 2, 1)
    assert (found.interval_median_ms, found.interval_max_ms, found.silence_ms) == (100, 10_100, 2000)
    assert found.states == {"live": 50, "thin": 10}
    assert found.per_second == pytest.approx(59 / 15.9)
