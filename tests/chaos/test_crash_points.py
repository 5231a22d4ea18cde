"""Crashes at chosen points: each leaves the output as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGKILL

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.crash_at import POINTS
from tests.chaos.points import crash
from tests.deployment import Deployment

# The sink of the faults is made as that of the metrics, and how something is delivered matters in the sinks alone: `make chaos`
# goes to all points in both ways.
WAYS = {
    "idempotent": [point for point in POINTS if not point.startswith("faults")],
    "transactional": [point for point in POINTS if point.startswith("metrics")],
}


@pytest.mark.slow
@pytest.mark.parametrize("delivery", WAYS)
def test_crashes_at_chosen_points_one_after_the_other_do_not_show(
    stretch: Stretch, beside: Callable[[str], Deployment], delivery: str
) -> None:
    deployment = beside(stretch.raw)
    for point in WAYS[delivery]:
        assert crash(deployment, point, arguments=[f"--delivery={delivery}"]) == -SIGKILL, point
    deployment.run(f"--delivery={delivery}")

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)
