"""Standard errors of what hangs together, against what theory says."""

from __future__ import annotations

import numpy as np
import pytest

from consumers.evaluation.bootstrap import Resampled, block_length, memory, resample, shift_p
from consumers.evaluation.series import Floats
from tests.consumers.evaluation.markets import drifting


def mean(sums: Floats) -> Floats:
    return sums[..., :1] / sums[..., 1:]


def sums_of(values: Floats) -> Floats:
    return np.column_stack([values, np.ones(len(values))])


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_memory_of_an_autoregression(phi: float) -> None:
    values = drifting(np.random.default_rng(1), 40_000, phi)

    assert memory(values) == pytest.approx((1 + phi) / (1 - phi), rel=0.2)


def test_what_is_constant_remembers_nothing() -> None:
    assert memory(np.ones(50)) == memory(np.zeros(1)) == 1.0


@pytest.mark.parametrize("phi", [0.0, 0.9])
def test_the_error_of_a_mean_is_that_of_its_independent_observations(phi: float) -> None:
    values = drifting(np.random.default_rng(2), 20_000, phi)
    found = resample(sums_of(values), mean, block_length(values, 1), seed=1)

    assert found.values[0] == pytest.approx(values.mean())
    assert found.errors[0] == pytest.approx(values.std() * np.sqrt((1 + phi) / (1 - phi) / len(values)), rel=0.25)


def test_equal_seeds_give_equal_errors_and_others_nearly() -> None:
    sums = sums_of(drifting(np.random.default_rng(3), 2000))
    first, again, other = (resample(sums, mean, 50, seed).errors[0] for seed in (1, 1, 2))

    assert first == again != other
    assert first == pytest.approx(other, rel=0.2)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(200):
        values = drifting(np.random.default_rng(seed), 1500, 0.8)
        estimate = resample(sums_of(values), mean, block_length(values, 1), seed).estimate(0, 0.05)
        assert estimate is not None
        covered += estimate.low <= 0 <= estimate.high

    assert covered >= 180  # 190 expected; short series cover a little less


def test_draws_without_a_value_are_left_out() -> None:
    sums = np.zeros((100, 2))
    sums[:10] = 1.0
    with np.errstate(invalid="ignore"):
        found = resample(sums, mean, 10, seed=1)

    assert np.isfinite(found.errors[0])
    assert Resampled(np.array([np.nan]), np.array([0.0]), 5).estimate(0, 0.05) is None
    assert Resampled(np.array([np.nan]), np.array([0.0]), 5).p_above_zero(0) == 1.0


def test_blocks_are_longer_than_the_overlap_and_the_memory() -> None:
    noise = np.random.default_rng(4).standard_normal(1000)

    assert block_length(noise, 60) == 120
    assert block_length(noise, 1) == 10  # the cube root
    assert block_length(noise, 1, 44.5) == 45
    assert block_length(np.random.default_rng(4).standard_normal(80_000), 1) == 200  # not more than 400 blocks


def test_unrelated_slow_series_are_not_taken_for_related_ones() -> None:
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first, second = (drifting(rng, 800, 0.98) for _ in range(2))
        found.append(shift_p(first - first.mean(), second - second.mean(), 50))

    assert np.mean(np.array(found) < 0.05) <= 0.09  # 0.05 expected, 3 standard errors above
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.15)


def test_related_series_are_found() -> None:
    first = drifting(np.random.default_rng(5), 800, 0.9)
    first -= first.mean()

    assert shift_p(first, first + np.random.default_rng(6).standard_normal(800), 50) < 0.01
