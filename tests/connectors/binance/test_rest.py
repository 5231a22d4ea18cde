"""The weight budget, the pauses, and what an answer is good for."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.actions import Answer, Note
from connectors.binance.outbox import Outbox
from connectors.binance.rest import Flight, Outcome, Rest, Urgency


def rest(limit: int = 100) -> tuple[Rest, Outbox]:
    out = Outbox()
    return Rest("https://exchange:2", limit, count(1), out), out


def notes(out: Outbox) -> list[str]:
    return [action.kind for action in out.actions if isinstance(action, Note)]


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.integers(1, 40), st.sampled_from(Urgency)), max_size=60))
def test_no_minute_costs_more_than_our_share(wishes: list[tuple[float, int, Urgency]]) -> None:
    budget, _ = rest(100)
    now_s = 0.0
    spent: list[tuple[float, int, Urgency]] = []
    for pause_s, weight, urgency in wishes:
        now_s += pause_s
        if budget.may(weight, urgency, now_s):
            budget.send("/", Flight("X", "gap", now_s, 1000), weight)
            spent.append((now_s, weight, urgency))

    for start_s, _, _ in spent:
        minute = [(weight, urgency) for at_s, weight, urgency in spent if start_s <= at_s < start_s + 60.0]
        assert sum(weight for weight, _ in minute) <= 100


@pytest.mark.parametrize(("urgency", "sent"), [(Urgency.NOW, 10), (Urgency.SOON, 9), (Urgency.LATER, 6)])
def test_what_is_less_urgent_leaves_room_for_what_is_more(urgency: Urgency, sent: int) -> None:
    budget, _ = rest(100)
    done = 0
    while budget.may(10, urgency, 0.0):
        budget.send("/", Flight("X", "audit", 0.0, 1000), 10)
        done += 1

    assert done == sent


def test_a_request_that_is_larger_than_its_part_goes_when_nothing_else_does() -> None:
    budget, _ = rest(60)

    assert budget.may(50, Urgency.LATER, 0.0)
    budget.send("/", Flight("X", "audit", 0.0, 1000), 50)
    assert not budget.may(50, Urgency.LATER, 59.0)
    assert budget.may(50, Urgency.LATER, 60.0)


def test_the_exchanges_own_count_is_believed_when_it_is_larger_and_for_a_minute() -> None:
    budget, _ = rest(100)
    number = budget.send("/", Flight("X", "gap", 0.0, 1000), 10)
    budget.answered(number, Answer(200, {"x-mbx-used-weight-1m": "95"}, b"{}"), 1.0)

    assert budget.used(1.0) == 95
    assert not budget.may(10, Urgency.NOW, 1.0)

    budget.send("/", Flight("X", "gap", 2.0, 1000), 5)

    assert budget.used(2.0) == 100
    assert budget.used(61.0) == 5

    number = budget.send("/", Flight("X", "gap", 61.0, 1000), 10)
    budget.answered(number, Answer(200, {"x-mbx-used-weight-1m": "10"}, b"{}"), 61.0)

    assert budget.used(61.0) == 15  # theirs has begun a new minute; ours looks back a whole one


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "7", 7),
        (429, None, 60),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", 60),
        (429, "-5", 60),
        (418, "300", 300),
        (418, None, 120),
        (403, None, 60),
    ],
)
def test_too_many_requests_stop_everything_for_as_long_as_told(
    status: int, retry_after: str | None, seconds: int
) -> None:
    budget, out = rest()
    number = budget.send("/", Flight("X", "gap", 0.0, 1000), 1)
    headers = {} if retry_after is None else {"retry-after": retry_after}

    assert budget.answered(number, Answer(status, headers, b""), 0.0) == (Flight("X", "gap", 0.0, 1000), Outcome.AGAIN)
    assert not budget.may(1, Urgency.NOW, seconds - 0.1)
    assert budget.may(1, Urgency.NOW, seconds)
    assert out.status.fetches_failed == {str(status): 1}

    budget.tick(seconds)

    assert notes(out) == ["rest_paused", "rest_paused_over"]


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (Answer(200, {}, b"{}"), Outcome.GOOD, None),
        (Answer(0, {}, b"", "Name or service not known"), Outcome.AGAIN, "no_answer"),
        (Answer(500, {}, b""), Outcome.AGAIN, "5xx"),
        (Answer(503, {}, b"<html>"), Outcome.AGAIN, "5xx"),
        (Answer(400, {}, b'{"code":-1121,"msg":"Invalid symbol."}'), Outcome.REFUSED, "refused"),
        (Answer(404, {}, b"\xff"), Outcome.REFUSED, "refused"),
        (Answer(301, {}, b""), Outcome.REFUSED, "refused"),
    ],
)
def test_what_an_answer_is_good_for(answer: Answer, outcome: Outcome, reason: str | None) -> None:
    budget, out = rest()
    number = budget.send("/", Flight("X", "gap", 0.0, 1000), 1)
    found = budget.answered(number, answer, 0.5)

    assert found is not None
    assert found[1] is outcome
    assert dict(out.status.fetches_failed) == ({reason: 1} if reason else {})


def test_failures_are_told_once_and_so_is_their_end() -> None:
    budget, out = rest()
    for status in (500, 500, 0, 200, 200):
        budget.answered(budget.send("/", Flight("X", "gap", 0.0, 1000), 1), Answer(status, {}, b""), 0.0)

    assert notes(out) == ["rest_failing", "rest_failing_over"]


def test_who_gets_no_answer_is_told_so_after_a_while() -> None:
    budget, out = rest()
    number = budget.send("/", Flight("X", "gap", 0.0, 1000), 1)

    assert budget.tick(59.9) == []
    assert budget.tick(60.0) == [Flight("X", "gap", 0.0, 1000)]
    assert budget.in_flight == 0
    assert budget.answered(number, Answer(200, {}, b"{}"), 61.0) is None
    assert out.status.fetches_failed == {"no_answer": 1}
