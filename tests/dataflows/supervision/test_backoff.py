from __future__ import annotations

from dataflows.supervision.backoff import FAILURES, HEALTHY_S, Backoff


def test_waits_double_up_to_half_a_minute_and_then_there_are_none() -> None:
    backoff = Backoff()

    assert [backoff.failed(worked_s=1.0) for _ in range(FAILURES)] == [1, 2, 4, 8, 16, 30, None]


def test_a_minute_of_work_makes_the_next_failure_the_first() -> None:
    backoff = Backoff()
    for _ in range(FAILURES - 1):
        backoff.failed(worked_s=HEALTHY_S - 1)

    assert backoff.failed(worked_s=HEALTHY_S) == 1
    assert backoff.failures == 1
