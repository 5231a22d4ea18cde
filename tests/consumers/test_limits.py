"""Running limits depend on the last values alone, and equal what the plain definitions say of them."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.limits import Band, Limits, Observations, RunningLimits, quantile_band, z_score_band
from orderbook.record import CORE_FEATURES

VALUES = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0]), min_size=1, max_size=60)
SIZE = 20


def seen(values: list[float], size: int = SIZE) -> Observations:
    window = Observations(size)
    for value in values:
        window.push(value)
    return window


def slow_quantile(values: list[float], share: float) -> float:
    return min(x for x in values if Fraction(sum(y <= x for y in values), len(values)) >= Fraction(share))


def features(value: float) -> dict[str, float]:
    return dict.fromkeys(CORE_FEATURES, value)


@given(VALUES, st.floats(0.001, 1.0))
def test_a_quantile_is_what_its_definition_says(values: list[float], share: float) -> None:
    assert seen(values).quantile(share) == slow_quantile(values[-SIZE:], share)


@given(VALUES)
def test_mean_and_deviation_are_those_of_the_window(values: list[float]) -> None:
    window, last = seen(values), [Fraction(value) for value in values[-SIZE:]]
    mean = sum(last) / len(last)
    variance = sum((value - mean) ** 2 for value in last) / len(last)

    assert window.mean() == pytest.approx(float(mean), rel=1e-12, abs=1e-9)
    assert window.deviation() == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-6)


@given(VALUES, VALUES)
def test_what_fell_out_of_the_window_leaves_no_trace(before: list[float], values: list[float]) -> None:
    last = values[-SIZE:] if len(values) >= SIZE else (values * SIZE)[:SIZE]
    old, new = seen(before + last), seen(last)

    assert [old.quantile(0.1), old.quantile(0.9), old.mean(), old.deviation()] == [
        new.quantile(0.1), new.quantile(0.9), new.mean(), new.deviation(),
    ]  # fmt: skip
    assert str(old.quantile(0.5)) == str(new.quantile(0.5))


@pytest.mark.parametrize("band", [quantile_band(0.1), z_score_band(1.5)])
def test_limits_come_from_the_values_before(band: Band) -> None:
    running = RunningLimits(band, window=50, warm_up=10)
    told = [running.update("A", features(float(number % 5))) for number in range(10)]

    assert told == [None] * 10

    expected = band(seen([float(number % 5) for number in range(10)], 50))
    limits = running.update("A", features(1e9))

    assert limits == Limits(*expected, *expected, expected[1], *expected, expected[1])
    assert running.update("B", features(1.0)) is None
    low, high = band(seen([*(float(number % 5) for number in range(10)), 1e9], 50))
    assert running.update("A", features(0.0)) == Limits(low, high, low, high, high, low, high, high)


@pytest.mark.parametrize("undefined", [math.nan, math.inf])
def test_what_is_not_defined_is_not_learned(undefined: float) -> None:
    running = RunningLimits(quantile_band(), window=5, warm_up=2)
    running.update("A", features(1.0))
    running.update("A", features(undefined))
    running.update("A", {})

    assert running.update("A", features(1.0)) is None
    assert running.update("A", {}) == Limits(*[1.0] * 8)


def test_the_share_beyond_a_quantile_band_is_its_tail() -> None:
    """On values without memory, whatever their scale: that is what makes the limits transfer between symbols."""
    for scale in (1e-3, 1e6):
        values = [NormalDist(0, scale).inv_cdf(((number * 7919) % 997 + 0.5) / 997) for number in range(997)]
        running, beyond = RunningLimits(quantile_band(0.1), window=400, warm_up=200), []
        for value in values:
            limits = running.update("A", features(value))
            if limits is not None:
                beyond.append(value > limits.imbalance_high or value < limits.imbalance_low)

        assert 0.15 < sum(beyond) / len(beyond) < 0.25


@pytest.mark.parametrize("tail", [0.0, 0.5, -1.0, math.nan])
def test_a_wrong_tail_is_refused(tail: float) -> None:
    with pytest.raises(ValueError, match="tail: expected"):
        quantile_band(tail)


@pytest.mark.parametrize("z", [0.0, -1.0, math.nan])
def test_a_wrong_z_is_refused(z: float) -> None:
    with pytest.raises(ValueError, match="z: expected"):
        z_score_band(z)


@pytest.mark.parametrize("warm_up", [0, 11])
def test_a_wrong_warm_up_is_refused(warm_up: int) -> None:
    with pytest.raises(ValueError, match=r"warm_up: expected 1 \.\. 10"):
        RunningLimits(quantile_band(), window=10, warm_up=warm_up)
