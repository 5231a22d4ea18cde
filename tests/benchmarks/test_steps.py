"""The table of costs counts what it says: every message once, records apart."""

from __future__ import annotations

import pytest

from benchmarks.steps import CASES, Case, costs, polls
from benchmarks.workload import depth20


def test_polls_hold_all_messages_in_their_order_with_offsets_that_go_on() -> None:
    messages = list(depth20(25, 2, 4))
    batches = polls(messages, 10, 100)

    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [value for batch in batches for value in batch.values] == [message.value for message in messages]
    assert [offset for batch in batches for offset in batch.offsets] == list(range(100, 125))


@pytest.mark.parametrize("workload", sorted({case.workload for case in CASES}))
def test_every_step_costs_something(workload: str) -> None:
    found = costs(Case(workload, 2, 50), 400, 1)

    assert min(found) > 0.0
    assert found.record >= sum(found[:3]) * 0.99, "not every message becomes a record"
