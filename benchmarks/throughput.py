"""Messages a second of a process that copies one topic to another: wall time from outside, CPU from the OS.

A contestant is a command line; it is judged by what arrives in its output topic, not by what it says.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.processes import cpu_s, rss_mb

_LOOK_S: Final = 0.02
_QUIET_S: Final = 1.0
_LEAST_S: Final = 300.0
_SLOWEST_PER_S: Final = 1_000

Ends = tuple[int, ...]
"""End offset of each partition of the output."""


class Look(NamedTuple):
    """What was seen at one moment."""

    at_s: float
    ends: Ends
    broker_cpu_s: float | None
    rss_mb: float | None


class Run(NamedTuple):
    """All that was seen of one run, and the CPU that the OS charged for it."""

    looks: list[Look]
    cpu_s: float


class Landed(NamedTuple):
    """What lies in the output topic for readers of committed messages: how many records, and the end behind the last ones."""

    records: int
    ends: Ends


class Sample(NamedTuple):
    """One run of one contestant.

    ``per_second`` counts from the first records that were seen to the last one (start-up is not speed; 0 when all were
    seen at once); ``cpu_s`` is user and system time of the whole process, start-up included. ``broker_cores`` is the
    broker's share of a core meanwhile, ``peak_rss_mb`` the most resident memory that was seen, ``rss_mb`` what it was once
    10 % and 50 % of the records were there, and before the last ones came; None and empty where the OS does not tell.
    """

    messages: int
    per_second: float
    cpu_s: float
    start_s: float
    peak_rss_mb: float | None
    broker_cores: float | None
    rss_mb: tuple[float, ...]

    @property
    def cpu_us(self) -> float:
        """CPU a message, start-up included."""
        return self.cpu_s / self.messages * 1e6

    def cpu_us_beyond(self, start: Sample) -> float:
        """CPU a message, without what a run over few messages took."""
        return (self.cpu_s - start.cpu_s) / max(self.messages - start.messages, 1) * 1e6


def run(
    command: Sequence[str],
    ends: Callable[[], Ends],
    records: int,
    log: Path,
    *,
    stops_by_itself: bool = True,
    broker_pid: int | None = None,
    on_look: Callable[[], None] = lambda: None,
) -> Run:
    """Run ``command`` to its end, or, when it has none, until so many records are there; it is told to stop then.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    looks: list[Look] = []
    with log.open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)  # our own commands
        limit = start + _LEAST_S + records / _SLOWEST_PER_S
        told = False
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                broker = None if broker_pid is None else cpu_s(broker_pid)
                # Memory first: what has just written its last record may be giving it back.
                memory = rss_mb(process.pid)
                looks.append(Look(time.monotonic() - start, ends(), broker, memory))
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                if time.monotonic() > limit:
                    raise RuntimeError(_problem(f"ran for {time.monotonic() - start:.0f} s", records, looks, log))
                if not stops_by_itself and not told and sum(looks[-1].ends) >= records and _is_quiet(looks):
                    process.terminate()
                    told = True
                on_look()
                time.sleep(_LOOK_S)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode and not told:
        raise RuntimeError(_problem(f"ended with {process.returncode}", records, looks, log))
    return Run(looks, usage.ru_utime + usage.ru_stime)


def _is_quiet(looks: Sequence[Look]) -> bool:
    """Whether nothing was added for a while: markers of transactions take offsets too, so the sum alone tells no end."""
    now, ends, *_ = looks[-1]
    return next((now - look.at_s for look in reversed(looks) if look.ends != ends), now) > _QUIET_S


def _problem(what: str, records: int, looks: Sequence[Look], log: Path) -> str:
    return (
        f"expected {records} records, received {sum(looks[-1].ends)}; it {what}; see {log}:\n{log.read_text()[-2000:]}"
    )


def sample(run: Run, landed: Landed, messages: int, records: int) -> Sample:
    """What one run was like.

    Raises:
        RuntimeError: there are more or fewer records than there must be.
    """
    if landed.records != records:
        raise RuntimeError(f"expected {records} records, received {landed.records}")
    first = next(look for look in run.looks if sum(look.ends))
    end = next(place for place, look in enumerate(run.looks) if all(map(int.__ge__, look.ends, landed.ends)))
    last = run.looks[end]
    seconds = max(last.at_s - first.at_s, _LOOK_S)
    share = (records - min(sum(first.ends), records)) / records
    # What the OS charges a child as its largest memory (ru_maxrss) begins with its parent's: it is looked at instead.
    memory = [look.rss_mb for look in run.looks if look.rss_mb is not None]
    parts = [next(look.rss_mb for look in run.looks if sum(look.ends) >= part * records) for part in (0.1, 0.5)]
    cores = None
    if first.broker_cpu_s is not None and last.broker_cpu_s is not None:
        cores = (last.broker_cpu_s - first.broker_cpu_s) / seconds
    return Sample(
        messages,
        share * messages / seconds,
        run.cpu_s,
        first.at_s,
        max(memory, default=None),
        cores,
        tuple(part for part in (*parts, run.looks[max(end - 1, 0)].rss_mb) if part is not None),
    )
