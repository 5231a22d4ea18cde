"""No room for recovery state: the job stops and says so, and once there is room it goes on as if it had not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import Stretch
from tests.chaos.scenario import TRACEBACK
from tests.deployment import Deployment

# Short epochs: SQLite's log grows by every one of them.
MANY_EPOCHS = ("--batch-size=50", "--epoch-interval-ms=10")
KILOBYTES = 300


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={KILOBYTES}k", "tmpfs", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
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
    limited = ("sh", "-c", f'ulimit -f {KILOBYTES * 2}; exec "$@"', "sh")

    assert_stopped_for_want_of_room(deployment.run(*MANY_EPOCHS, code=3, under=limited), deployment)
    deployment.run(*MANY_EPOCHS)

    judgement = stretch.judge.judge(deployment)
    assert judgement.same, str(judgement)


def assert_stopped_for_want_of_room(said: str, deployment: Deployment) -> None:
    assert TRACEBACK not in said
    assert f"error: expected to write recovery state in {deployment.state}" in said
    assert "is the disk full?" in said
