"""No room for recovery state: the job stops and says so, and once there is room it goes on as if it had not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.scenario import TRACEBACK
from tests.deployment import Deployment

# Short epochs: SQLite's log grows by every one of them.
MANY_EPOCHS = ("--batch-size=50", "--epoch-interval-ms=10")
TOO_SMALL_FOR_A_STORE_KB = 16
FULL_AFTER_A_WHILE_KB = 1_000


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of so many kilobytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("small_disk", [TOO_SMALL_FOR_A_STORE_KB, FULL_AFTER_A_WHILE_KB], indirect=True)
def test_a_full_disk_is_3_and_room_makes_it_good(
    stretch: Stretch, beside: Callable[[str], Deployment], small_disk: Path
) -> None:
    deployment = beside(stretch.raw)
    deployment.state = small_disk / "state"

    assert_stopped_for_want_of_room(deployment.run(*MANY_EPOCHS, code=3), deployment)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    deployment.run(*MANY_EPOCHS)

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)


@pytest.mark.slow
def test_a_limit_on_files_is_3_and_lifting_it_makes_it_good(
    stretch: Stretch, beside: Callable[[str], Deployment]
) -> None:
    deployment = beside(stretch.raw)
    limited = ("sh", "-c", f'ulimit -f {FULL_AFTER_A_WHILE_KB * 2}; exec "$@"', "sh")

    assert_stopped_for_want_of_room(deployment.run(*MANY_EPOCHS, code=3, under=limited), deployment)
    deployment.run(*MANY_EPOCHS)

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)


def assert_stopped_for_want_of_room(said: str, deployment: Deployment) -> None:
    assert TRACEBACK not in said
    reason = r"(database or disk is full|disk I/O error).*(make room|is the disk full\?)"
    assert re.search(rf"error: expected to .*write .*recovery st.* in {deployment.state}/.*{reason}", said), said
