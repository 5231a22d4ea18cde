"""The table of hit rates: which records count in it, and that the recordings say what they said before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hit_rates import FEATURES, HitRate, hit_rates, measured
from tests.consumers.evaluation.markets import series
from tests.needs import unmet

FILES = ["spot_btcusdt", "spot_ethusdt", "usdm_btcusdt", "usdm_ethusdt"]


def rates(times_ms: list[int], mids: list[float], calls: list[float]) -> dict[float, tuple[int, int]]:
    features = {name: np.array(calls) for name in FEATURES}
    one = replace(series(np.array(mids), features), time_ms=np.array(times_ms, np.int64))
    return {rate.horizon_s: (rate.hits, rate.moved) for rate in hit_rates(one)}


def test_only_records_after_which_the_mid_moved_count() -> None:
    found = rates([0, 100, 200, 300], [10.0, 10.0, 11.0, 10.0], [0.5, 0.5, 0.5, -0.5])

    # At 0 ms nothing moved within 100 ms; at 100 ms it rose; at 200 ms it fell; what follows 300 ms is not known.
    assert found[0.1] == (1, 2)


def test_a_record_that_calls_nothing_does_not_count() -> None:
    assert rates([0, 100], [10.0, 11.0], [0.0, 0.0])[0.1] == (0, 0)


def test_the_mid_at_a_time_is_that_of_the_first_record_from_then_on() -> None:
    found = rates([0, 90, 101, 600], [10.0, 11.0, 9.0, 9.0], [-1.0, 1.0, 1.0, 1.0])

    assert found[0.1] == (1, 2)  # down at 101 ms, whatever 90 ms told; from 90 ms on down at 600 ms; 101 ms stays
    assert found[0.5] == (1, 2)


def test_a_horizon_beyond_the_end_has_no_records() -> None:
    assert rates([0, 100], [10.0, 11.0], [1.0, 1.0])[10.0] == (0, 0)
    assert rates([], [], [])[1.0] == (0, 0)


@pytest.mark.parametrize(("hits", "as_expected"), [(660, False), (680, True), (810, True), (830, False)])
def test_two_points_beside_what_was_found_before_are_as_expected(hits: int, as_expected: bool) -> None:
    assert HitRate("imbalance_l1", 1.0, hits, 1_000).as_expected is as_expected
    assert HitRate("imbalance_l1", 5.0, hits, 1_000).as_expected is None


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_recordings_have_the_hit_rates_that_were_found_before(recordings: Path, name: str) -> None:
    path = recordings / f"dev/{name}_20240808.gz"
    if not path.exists():
        unmet("RECORDINGS", f"there is no recording {path.name}")
    found = list(hit_rates(measured(path)))

    assert {rate.feature for rate in found} == set(FEATURES)
    assert [rate for rate in found if rate.as_expected is False] == []
    assert len([rate for rate in found if rate.as_expected]) == 4
