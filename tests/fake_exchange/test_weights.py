"""The weight of a minute: counted by the clock's minutes, refused above, and a ban for those who go on."""

from __future__ import annotations

from fake_exchange.weights import Budget


def test_a_minute_of_the_clock_has_its_weight_and_the_next_one_has_it_again() -> None:
    budget = Budget(100)

    assert budget.take(100, 60.0) == (200, 0)
    assert budget.take(1, 90.0) == (429, 30)
    assert budget.take(100, 120.0) == (200, 0)
    assert (budget.used, budget.most) == (100, 101)


def test_who_goes_on_is_banned_and_the_count_still_is_of_the_present_minute() -> None:
    budget = Budget(10)
    budget.take(10, 0.0)
    answers = [budget.take(1, 1.0) for _ in range(11)]

    assert answers == [(429, 59)] * 10 + [(418, 120)]
    assert budget.take(1, 61.0) == (418, 60)
    assert budget.used == 0
    assert budget.take(1, 121.0) == (200, 0)
