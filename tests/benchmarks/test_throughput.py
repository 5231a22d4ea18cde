"""How runs become figures: what is counted, from when to when, and what is an error."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest

from benchmarks.processes import cpu_s, rss_mb
from benchmarks.throughput import Landed, Look, Run, run, sample

IDLE = [sys.executable, "-c", "import time; time.sleep(60)"]


def looks(*seen: tuple[float, int, int]) -> list[Look]:
    """(seconds, ends of two partitions)."""
    return [Look(at_s, (one, two), at_s / 4, 100.0 * at_s) for at_s, one, two in seen]


def test_speed_counts_from_the_first_records_seen_to_the_last_one() -> None:
    seen = looks((0.0, 0, 0), (1.0, 10, 10), (2.0, 60, 50), (3.0, 60, 60), (9.0, 60, 60))

    found = sample(Run(seen, 1.2), Landed(120, (60, 60)), 120, 120)

    assert found.per_second == pytest.approx(100 / 2.0)
    assert found.start_s == 1.0
    assert found.cpu_us == pytest.approx(10_000)
    assert found.broker_cores == pytest.approx(0.25)


def test_markers_of_transactions_are_no_records() -> None:
    """100 records and 4 markers: the last record is at offset 50 of each partition, a marker follows it."""
    seen = looks((1.0, 10, 10), (2.0, 51, 40), (4.0, 51, 51), (9.0, 52, 52))

    found = sample(Run(seen, 1.0), Landed(100, (51, 51)), 100, 100)

    assert found.per_second == pytest.approx(80 / 3.0)


def test_memory_is_told_at_a_tenth_at_half_and_at_the_end() -> None:
    seen = looks((1.0, 4, 4), (2.0, 6, 6), (3.0, 40, 30), (4.0, 49, 50), (5.0, 50, 50))

    found = sample(Run(seen, 1.0), Landed(100, (50, 50)), 100, 100)

    assert found.rss_mb == (200.0, 300.0, 400.0)
    assert found.peak_rss_mb == 500.0


def test_what_a_start_costs_is_taken_off() -> None:
    seen = looks((1.0, 1, 0), (2.0, 50, 50))
    start = sample(Run(looks((1.0, 1, 0), (2.0, 10, 0)), 0.5), Landed(10, (10, 0)), 10, 10)
    whole = sample(Run(seen, 1.4), Landed(100, (50, 50)), 100, 100)

    assert whole.cpu_us_beyond(start) == pytest.approx(10_000)


@pytest.mark.parametrize("records", [99, 101])
def test_lost_and_doubled_records_are_errors(records: int) -> None:
    with pytest.raises(RuntimeError, match=f"expected 100 records, received {records}"):
        sample(Run(looks((1.0, 50, 50)), 1.0), Landed(records, (50, 50)), 100, 100)


def test_a_command_that_fails_shows_what_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such topic')"]

    with pytest.raises(RuntimeError, match=r"received 3; it ended with 1.*\n.*no such topic"):
        run(command, lambda: (3,), 10, tmp_path / "log")


def test_a_command_without_an_end_is_stopped_once_all_is_there_and_quiet(tmp_path: Path) -> None:
    counted = itertools.chain([0, 5], itertools.repeat(10))

    found = run(IDLE, lambda: (next(counted),), 10, tmp_path / "log", stops_by_itself=False)

    assert [look.ends for look in found.looks[:3]] == [(0,), (5,), (10,)]
    assert found.looks[-1].at_s >= 1.0  # quiet for so long
    assert found.cpu_s > 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells")
def test_use_of_this_very_process_is_known() -> None:
    used, memory = cpu_s(os.getpid()), rss_mb(os.getpid())

    assert used is not None
    assert 0 < used < 36_000
    assert memory is not None
    assert 10 < memory < 10_000


def test_a_process_that_is_gone_uses_nothing_known() -> None:
    assert cpu_s(2**22 + 1) is None
    assert rss_mb(2**22 + 1) is None
