"""Crashes at chosen points: each leaves the output as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGKILL

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.crash_at import POINTS
from tests.chaos.points import crash
from tests.chaos.scenario import DELIVERIES
from tests.deployment import Deployment


@pytest.mark.slow
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_crash_at_each_point_one_after_the_other_does_not_show(
    stretch: Stretch, beside: Callable[[str], Deployment], delivery: str
) -> None:
    deployment = beside(stretch.raw)
    for point in POINTS:
        assert crash(deployment, point, arguments=[f"--delivery={delivery}"]) == -SIGKILL, point
    deployment.run(f"--delivery={delivery}")

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)
