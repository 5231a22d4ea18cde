"""State that is gone in mid-stream: rebuilt from the topics, it writes what an undisturbed run writes, whatever kills it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from signal import SIGKILL

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.points import crash
from tests.chaos.scenario import DELIVERIES
from tests.deployment import Deployment

RESUME = "--resume-from-output"


@pytest.mark.slow
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_state_that_is_deleted_in_mid_stream_does_not_show(
    stretch: Stretch, beside: Callable[[str], Deployment], delivery: str
) -> None:
    deployment = beside(stretch.raw)
    told = f"--delivery={delivery}"
    # A disk that is lost after a crash, twice; the second time what was rebuilt had not come far.
    assert crash(deployment, "metrics: half of a batch is written", 8, [told]) == -SIGKILL
    shutil.rmtree(deployment.state)
    assert RESUME in deployment.run(told, code=2)
    assert crash(deployment, "state: meta.json is not in its place yet", 1, [told, RESUME]) == -SIGKILL
    assert crash(deployment, "metrics: half of a batch is written", 5, [told, RESUME]) == -SIGKILL
    shutil.rmtree(deployment.state)
    deployment.run(told, RESUME)

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)
