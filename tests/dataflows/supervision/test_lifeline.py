from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dataflows.supervision.lifeline import lifeline_held
from tests.needs import ROOT


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """(our end, the supervisor's end); the latter is closed by the tests."""
    ours, other = os.pipe()
    yield ours, other
    os.close(ours)


def test_the_end_of_the_supervisor_is_a_wish_to_stop(pipe: tuple[int, int]) -> None:
    stop = threading.Event()
    with lifeline_held(stop, pipe[0]):
        os.write(pipe[1], b"no end yet")
        assert not stop.is_set()
        os.close(pipe[1])
        assert stop.wait(10)


def test_its_end_after_ours_is_none(pipe: tuple[int, int]) -> None:
    stop = threading.Event()
    with lifeline_held(stop, pipe[0]):
        pass
    os.close(pipe[1])

    assert not stop.wait(0.05)


def test_who_does_not_stop_is_ended() -> None:
    deaf = """
import threading, time
from dataflows.supervision.lifeline import lifeline_held
with lifeline_held(threading.Event(), patience_s=0.05):
    time.sleep(60)
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", deaf],
        env=environ,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
        capture_output=True,
    )

    assert done.returncode == 3
