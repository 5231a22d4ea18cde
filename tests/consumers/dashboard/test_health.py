"""How the job keeps up, in figures of the last seconds."""

from __future__ import annotations

import pytest

from consumers.dashboard.health import WINDOW_S, Health


def test_rates_and_latencies_are_of_the_last_seconds() -> None:
    health = Health()
    health.raw(1000, 0.0)
    health.records([0] * 50, 0.0, 5.0)
    health.raw(30, 10.0)
    health.records([9_900 + at for at in range(100)], 10.0, 10_000.0)
    figures = health.figures(10.0, None)

    assert figures.records_per_s == 100 / WINDOW_S
    assert figures.raw_per_s == 30 / WINDOW_S
    assert figures.latency_p50_ms == pytest.approx(50.5)
    assert figures.latency_p99_ms == pytest.approx(99.01)
    assert figures.lag is None


def test_without_records_there_is_no_latency_and_a_clock_that_is_behind_gives_none_below_zero() -> None:
    health = Health()
    assert health.figures(0.0, None).latency_p50_ms is None

    health.records([2000], 1.0, 1000.0)
    assert health.figures(1.0, None).latency_p50_ms == 0.0


def test_the_lag_is_what_lies_behind_the_newest_source_of_each_partition() -> None:
    health = Health()
    health.source(0, 6)
    health.source(0, 3)
    health.source(1, 99)

    assert health.figures(0.0, {0: (0, 10)}).lag == 3
    assert health.figures(0.0, {1: (0, 50)}).lag == 0  # the record is here before its raw message is known
    assert health.figures(0.0, {2: (40, 45)}).lag == 5  # no record at all
    assert health.figures(0.0, {0: (8, 10), 2: (0, 1)}).lag == 3
