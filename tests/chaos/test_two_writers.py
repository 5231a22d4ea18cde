"""Two jobs on the same output: one stops, and a reader that drops what it has seen finds nothing wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.scenario import DELIVERIES
from tests.chaos.two_writers import race
from tests.deployment import Deployment
from tests.kafka_topics import Topics


@pytest.mark.slow
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_two_writers_write_nothing_that_differs_and_one_of_them_stops(
    beside: Callable[[], Deployment], topics: Topics, delivery: str
) -> None:
    raced = race(beside(), topics, [f"--delivery={delivery}"])

    assert raced.exit_code == 3, raced.said
    assert "shard 0/1 is already being run" in raced.said
    assert raced.other_went_on, raced.said
    assert raced.judgement.same_without_copies, str(raced.judgement)
