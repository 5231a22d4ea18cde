"""The numbers of records over time: what is kept, and how it is thinned."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.dashboard.history import METRICS, History, clock_ms
from consumers.heatmap.timeline import RESTART_MS


def record(ms: int, mid: float | None) -> dict[str, Any]:
    return {"event_time_ms": ms, "mid_price": mid}


def filled(mids: list[float | None], *, most: int = 10_000, keep_ms: int = 10**9) -> History:
    history = History(keep_ms=keep_ms, most=most)
    for at, mid in enumerate(mids):
        history.add(record(at * 100, mid))
    return history


def test_all_numbers_but_identities_have_a_curve() -> None:
    assert {"orderflow_imbalance", "mid_price", "gaps", "trade_delta"} <= set(METRICS)
    assert not {"seq", "schema", "update_id", "symbol", "state", "source", "event_time_ms"} & set(METRICS)


def test_a_window_has_times_and_values_and_nothing_where_a_value_is_not_defined() -> None:
    times, values = filled([1.0, 2.0, None, 4.0]).window("mid_price", 100, 100)

    assert times.tolist() == [100.0, 200.0, 300.0]
    np.testing.assert_array_equal(values, [2.0, np.nan, 4.0])


def test_the_clock_is_the_exchanges_else_the_receivers() -> None:
    assert clock_ms({"event_time_ms": 7}) == 7
    assert clock_ms({"event_time_ms": None, "receive_time_ns": 7_900_000}) == 7
    assert clock_ms({}) == 0


def test_a_late_record_stands_still_and_a_clock_that_starts_again_begins_anew() -> None:
    history = History(keep_ms=10**9, most=100)
    for ms in (100_000, 99_000):
        history.add(record(ms, 1.0))
    assert history.window("mid_price", 0, 100)[0].tolist() == [100_000.0, 100_000.0]

    history.add(record(100_000 - RESTART_MS - 1, 2.0))
    assert history.window("mid_price", 0, 100)[1].tolist() == [2.0]


@given(st.integers(1, 2000), st.integers(1, 700), st.integers(100, 60_000))
def test_the_newest_are_kept(count: int, most: int, keep_ms: int) -> None:
    history = filled([float(at) for at in range(count)], most=most, keep_ms=keep_ms)
    _, values = history.window("mid_price", 0, 10**6)

    assert len(history) <= most
    newest = min(count, most, keep_ms // 100)
    assert values.tolist()[-newest:] == [float(at) for at in range(count - newest, count)]


@given(st.lists(st.one_of(st.none(), st.integers(-99, 99).map(float)), min_size=1, max_size=300), st.integers(2, 40))
def test_thinning_loses_no_extreme(mids: list[float | None], points: int) -> None:
    times, values = filled(mids).window("mid_price", 0, points)
    known = [mid for mid in mids if mid is not None]

    assert len(times) == len(values) <= max(points, 2)
    assert (np.diff(times) > 0).all()
    if known:
        assert (np.nanmin(values), np.nanmax(values)) == (min(known), max(known))
