"""Crashes at chosen points: each leaves the output as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGKILL

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.crash_at import POINTS
from tests.chaos.points import crash
from tests.deployment import Deployment


@pytest.mark.slow
def test_a_crash_at_each_point_one_after_the_other_does_not_show(
    stretch: Stretch, beside: Callable[[str], Deployment]
) -> None:
    deployment = beside(stretch.raw)
    for point in POINTS:
        assert crash(deployment, point) == -SIGKILL, point
    deployment.run()

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)
