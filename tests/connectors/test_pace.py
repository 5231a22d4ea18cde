from __future__ import annotations

import pytest

from connectors.pace import LONGEST_S, Pace


class Clock:
    """Goes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def done(pace: Pace, clock: Clock, took_s: float, *, counts: bool = True) -> float:
    """A batch comes and goes; how long small ones should wait then."""
    pace.given()
    clock.now += took_s
    pace.through(counts=counts)
    return pace.rest_s()


def test_the_first_batch_waits_for_nothing(clock: Clock) -> None:
    assert Pace(clock).rest_s() == 0.0


def test_a_rest_is_twice_as_long_as_the_batch_before(clock: Clock) -> None:
    pace = Pace(clock)
    assert done(pace, clock, 0.001) == pytest.approx(0.002)
    assert done(pace, clock, 0.0003) == pytest.approx(0.0006)


def test_large_batches_are_rested_from_for_a_moment_only(clock: Clock) -> None:
    assert done(Pace(clock), clock, 5.0) == pytest.approx(LONGEST_S)


def test_what_comes_after_the_rest_waits_for_nothing(clock: Clock) -> None:
    pace = Pace(clock)
    done(pace, clock, 0.001)
    clock.now += 0.0015
    assert pace.rest_s() == pytest.approx(0.0005)
    clock.now += 0.0015
    assert pace.rest_s() == 0.0


def test_idle_polls_cost_nothing(clock: Clock) -> None:
    pace = Pace(clock)
    done(pace, clock, 0.001)
    pace.through()
    clock.now += 1.0
    pace.through()
    assert pace.rest_s() == 0.0


def test_the_end_of_an_epoch_is_no_price_of_a_batch(clock: Clock) -> None:
    pace = Pace(clock)
    assert done(pace, clock, 0.1, counts=False) == 0.0
    assert done(pace, clock, 0.001) == pytest.approx(0.002)
