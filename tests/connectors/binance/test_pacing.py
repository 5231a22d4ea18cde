"""Allowances hold in every window; waits grow, are spread, and begin anew after a good life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.pacing import Allowance, Backoff, Patience


@given(st.integers(1, 5), st.lists(st.tuples(st.floats(0.0, 0.5), st.integers(1, 3)), max_size=60))
def test_no_window_holds_more_than_the_limit(limit: int, wishes: list[tuple[float, int]]) -> None:
    allowance = Allowance(limit, 1.0)
    now_s = 0.0
    taken: list[tuple[float, int]] = []
    for pause_s, units in wishes:
        now_s += pause_s
        if allowance.room(now_s) >= units:
            allowance.take(units, now_s)
            taken.append((now_s, units))

    for start_s, _ in taken:
        assert sum(units for at_s, units in taken if start_s <= at_s < start_s + 1.0) <= limit


def test_what_was_taken_is_free_again_a_span_later() -> None:
    allowance = Allowance(3, 60.0)
    allowance.take(2, 0.0)
    allowance.take(1, 30.0)

    assert [allowance.room(now_s) for now_s in (30.0, 59.9, 60.0, 90.0)] == [0, 0, 2, 3]


@pytest.mark.parametrize(
    ("lives_s", "waits_s"),
    [
        ([0.0, 0.0, 0.0, 0.0], [0.5, 1.0, 2.0, 4.0]),
        ([0.0, 0.0, 59.0, 0.0], [0.5, 1.0, 2.0, 4.0]),
        ([0.0, 0.0, 60.0, 0.0], [0.5, 1.0, 0.5, 1.0]),
        ([0.0] * 9, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]),
    ],
)
def test_waits_double_until_a_life_was_good(lives_s: list[float], waits_s: list[float]) -> None:
    backoff = Backoff(0.5, 60.0)

    assert [backoff.failed(lived_s, jitter=1.0) for lived_s in lives_s] == waits_s


@given(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 2000))
def test_jitter_spreads_over_the_upper_half(jitter: float, failures: int) -> None:
    backoff = Backoff(1.0, 30.0)
    backoff.failures = failures
    whole_s = min(2.0 ** min(failures, 30), 30.0)

    assert whole_s / 2 <= backoff.failed(0.0, jitter) <= whole_s


def test_a_success_begins_anew() -> None:
    backoff = Backoff(1.0, 30.0)
    backoff.failed(0.0, 1.0)
    backoff.succeeded()

    assert backoff.failed(0.0, 1.0) == 1.0


def test_patience_grows_to_an_hour_and_is_as_before_after_a_good_one() -> None:
    patience = Patience(10.0)
    grown = []
    for number in range(11):
        patience.lose(1000.0 * number)
        grown.append(patience.seconds)

    assert grown == [20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2560.0, 3600.0, 3600.0, 3600.0]

    patience.rest(13_599.0)
    assert patience.seconds == 3600.0
    patience.rest(13_600.0)
    assert patience.seconds == 10.0


def test_patience_that_was_asked_for_is_never_shortened() -> None:
    patience = Patience(1e6)
    patience.lose(0.0)

    assert patience.seconds == 1e6
