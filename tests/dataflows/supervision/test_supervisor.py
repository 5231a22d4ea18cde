"""Supervision with real processes, tiny ones, and mostly a clock of our own: waits of minutes take no time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.broker import SECOND_WRITER
from dataflows.shards import Shard
from dataflows.supervision.keeper import ShardError, ShardStatus
from dataflows.supervision.shard_process import ShardProcess
from dataflows.supervision.supervisor import supervise
from tests.needs import ROOT

ONE = [Shard()]
TWO = [Shard(0, 2), Shard(1, 2)]

WORKS = """
import json, sys, time
print(json.dumps({"event": "progress", "partitions": [0, 2], "messages": 7, "per_second": 5, "lag": 3, "faults": 1}),
      file=sys.stderr, flush=True)
time.sleep(60)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)" + WORKS
TOLD = (
    "import os, signal, sys, time\n"
    # It takes its time: who looks five times a second must see that it is ending.
    "signal.signal(signal.SIGTERM, lambda *_: (os.write(2, b'WORDS'), time.sleep(0.5), sys.exit(CODE)))" + WORKS
)


class Onlooker:
    """Remembers what it is shown; ``react`` may do something about it."""

    def __init__(self, react: Callable[[Sequence[ShardStatus]], None] = lambda _: None) -> None:
        self.states: defaultdict[Shard, list[str]] = defaultdict(list)
        self.words: list[tuple[Shard, tuple[str, ...]]] = []
        self.last: Sequence[ShardStatus] = ()
        self._react = react

    def look(self, shards: Sequence[ShardStatus]) -> None:
        self.last = shards
        for status in shards:
            seen = self.states[status.shard]
            if not seen or seen[-1] != status.state:
                seen.append(status.state)
        self._react(shards)

    def said(self, shard: Shard, words: Sequence[str]) -> None:
        self.words.append((shard, tuple(words)))


class Process(ShardProcess):
    """Knows what was done to it."""

    asked = killed = False

    def stop(self) -> None:
        self.asked = True
        super().stop()

    def kill(self) -> None:
        self.killed = True
        super().kill()


class Started:
    """Starts one script after the other (the last one again and again), and remembers when, by its own clock."""

    def __init__(self, *scripts: str, step_s: float = 0.2) -> None:
        self._scripts = scripts
        self._step_s = step_s
        self.now = 0.0
        self.at: defaultdict[Shard, list[float]] = defaultdict(list)
        self.processes: list[Process] = []

    def __call__(self, shard: Shard) -> ShardProcess:
        script = self._scripts[min(len(self.at[shard]), len(self._scripts) - 1)]
        self.at[shard].append(self.now)
        command = [sys.executable, "-I", "-S", "-c", script.replace("SHARD", str(shard))]
        self.processes.append(Process(shard, command, os.environ))
        return self.processes[-1]

    def clock(self) -> float:
        return self.now

    def sleep(self, _seconds: float) -> None:
        """A step of our clock; but only when no process has something to do first."""
        while any(map(self._is_busy, self.processes)):
            time.sleep(0.005)
        self.now += self._step_s

    def _is_busy(self, process: Process) -> bool:
        if process.exit_code is not None:
            return False
        if process.progress is None or process.killed:
            return True
        return process.asked and STUBBORN not in self._scripts


def run(started: Started, onlooker: Onlooker, shards: Sequence[Shard] = ONE, *, until_end: bool = False) -> None:
    supervise(shards, started, onlooker, until_end=until_end, clock=started.clock, sleep=started.sleep)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def end_once(is_time: Callable[[Sequence[ShardStatus]], bool], number: signal.Signals = signal.SIGTERM) -> Onlooker:
    """Sends us a signal when it is time."""
    sent: list[bool] = []

    def react(shards: Sequence[ShardStatus]) -> None:
        if not sent and is_time(shards):
            sent.append(True)
            send(number)

    return Onlooker(react)


def all_run(shards: Sequence[ShardStatus]) -> bool:
    return all(status.state == "running" for status in shards)


def ended(process: ShardProcess) -> bool:
    return process.exit_code is not None


def test_shards_that_came_to_the_end_are_done_and_have_their_say() -> None:
    onlooker = Onlooker()
    started = Started("import sys; print('messages 1 = records 1 SHARD', file=sys.stderr)")
    run(started, onlooker, TWO, until_end=True)

    assert sorted(onlooker.words, key=str) == [(shard, (f"messages 1 = records 1 {shard}",)) for shard in TWO]
    assert [status.state for status in onlooker.last] == ["done", "done"]
    assert [len(started.at[shard]) for shard in TWO] == [1, 1]


def test_a_shard_that_crashes_is_started_again_after_waits_that_grow() -> None:
    onlooker = Onlooker()
    started = Started("import os; os.kill(os.getpid(), 9)", "raise OSError('no')", "import sys; sys.exit(3)", "")
    with capture_logs() as logs:
        run(started, onlooker, until_end=True)
    at = started.at[ONE[0]]
    waits = [after - before for before, after in pairwise(at)]

    # A step of the clock passes until an end is seen.
    assert [round(wait) for wait in waits] == [1, 2, 4]
    assert [log["ended_with"] for log in logs] == ["signal SIGKILL", "exit code 1", "exit code 3"]
    assert [log["wait_s"] for log in logs] == [1, 2, 4]
    assert onlooker.words[1][1][-1] == "OSError: no"
    assert onlooker.last[0].restarts == 3
    assert {"starting", "restart in 4 s", "done"} <= set(onlooker.states[ONE[0]])


def test_the_other_shards_run_on_when_one_crashes() -> None:
    crash = "import sys; sys.exit(1 if 'SHARD' == '0/2' else 0)"
    onlooker = Onlooker()
    started = Started(crash, "")
    run(started, onlooker, TWO, until_end=True)

    assert [len(started.at[shard]) for shard in TWO] == [2, 1]


def test_after_a_minute_of_health_a_failure_is_the_first_again() -> None:
    """It works, and is killed by us after 70 s: ten times, which in a row would be too many."""

    def kill_after_70_s(shards: Sequence[ShardStatus]) -> bool:
        (status,) = shards
        worked_s = started.now - started.at[ONE[0]][-1]
        if status.state == "running" and worked_s > 70:
            os.kill(status.pid or 0, signal.SIGKILL)
            started.processes[-1].last_words()
        return status.restarts == 10

    onlooker = end_once(kill_after_70_s)
    started = Started(WORKS, step_s=20.0)
    with capture_logs() as logs:
        run(started, onlooker)

    assert [log["wait_s"] for log in logs if "wait_s" in log] == [1.0] * 10


def test_a_shard_that_fails_again_and_again_ends_all_with_3_and_its_last_words() -> None:
    fails = "import sys\nif 'SHARD' == '0/2': sys.exit('error: expected a broker')\n"
    onlooker = Onlooker()
    started = Started(fails + WORKS, step_s=5.0)
    with pytest.raises(
        ShardError, match=r"shard 0/2 failed 7 times in a row \(exit code 1\): expected a broker"
    ) as told:
        run(started, onlooker, TWO)

    assert told.value.code == 3
    assert [len(started.at[shard]) for shard in TWO] == [7, 1]
    assert all(map(ended, started.processes))
    assert [status.state for status in onlooker.last] == ["failed", "done"]


def test_wrong_use_ends_all_at_once_with_2_and_the_message() -> None:
    wrong = "import sys\nif 'SHARD' == '1/2': print('error: 1 setting is wrong', file=sys.stderr); sys.exit(2)\n"
    started = Started(wrong + WORKS)
    with pytest.raises(ShardError, match=r"shard 1/2 can't run \(exit code 2\): 1 setting is wrong$") as told:
        run(started, Onlooker(), TWO, until_end=True)

    assert told.value.code == 2
    assert [len(started.at[shard]) for shard in TWO] == [1, 1]
    assert all(map(ended, started.processes))


def test_a_shard_that_was_replaced_by_a_newer_process_is_not_started_again() -> None:
    text = f"error: expected to be the only writer, but shard SHARD {SECOND_WRITER}"
    started = Started(f"import sys; print('{text}', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ShardError, match="was replaced by a newer process") as caught:
        run(started, Onlooker())

    assert caught.value.code == 3
    assert len(started.at[ONE[0]]) == 1


def test_an_end_that_nobody_asked_for_is_no_end() -> None:
    onlooker = end_once(lambda shards: shards[0].restarts == 2)
    started = Started("")
    run(started, onlooker)

    assert len(started.at[ONE[0]]) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_all_end_cleanly(number: signal.Signals) -> None:
    onlooker = end_once(all_run, number)
    started = Started(TOLD.replace("WORDS", "all is written").replace("CODE", "0"))
    run(started, onlooker, TWO)

    assert [words for _, words in onlooker.words] == [("all is written",)] * 2
    assert [onlooker.states[shard][-2:] for shard in TWO] == [["ending", "done"]] * 2


def test_an_end_that_failed_is_told_with_3() -> None:
    onlooker = end_once(all_run)
    with pytest.raises(ShardError, match=r"did not end cleanly.*disk full") as told:
        run(Started(TOLD.replace("WORDS", "disk full").replace("CODE", "1")), onlooker)

    assert told.value.code == 3


def test_a_shard_that_waits_is_not_started_again_for_its_end() -> None:
    onlooker = end_once(lambda shards: shards[0].state.startswith("restart in"))
    started = Started("import sys; sys.exit(3)")
    run(started, onlooker)

    assert len(started.at[ONE[0]]) == 1


def test_a_second_signal_kills() -> None:
    asked: list[float] = []

    def ask(shards: Sequence[ShardStatus]) -> None:
        if shards[0].state in {"running", "ending"} and len(asked) < 2:
            asked.append(time.monotonic())
            send(signal.SIGTERM)

    started = Started(STUBBORN)
    with pytest.raises(ShardError, match="killed by the second signal") as told:
        run(started, Onlooker(ask), TWO)

    assert told.value.code == 128 + signal.SIGTERM
    assert all(map(ended, started.processes))


def test_a_shard_that_does_not_end_is_killed_after_a_while() -> None:
    onlooker = end_once(all_run)
    started = Started(STUBBORN, step_s=10.0)
    with pytest.raises(ShardError, match="did not end within 30 s, and was killed") as told:
        run(started, onlooker)

    assert told.value.code == 3
    assert 30 <= started.now <= 80


def test_the_figures_are_those_of_the_last_line_of_progress() -> None:
    onlooker = end_once(all_run)
    started = Started(WORKS)
    run(started, onlooker)
    (status,) = onlooker.last

    assert (status.partitions, status.messages, status.faults) == ((0, 2), 7, 1)
    assert (status.pid, status.per_second, status.lag) == (None, 0, None)


def test_what_a_child_logs_is_logged_with_its_shard_and_what_else_it_says_is_kept() -> None:
    script = """
import sys
print('{"event": "slow", "level": "warning", "logger": "obi.kafka", "timestamp": "x", "after_s": 2}', file=sys.stderr)
print('{"event": "progress", "messages": 1}', file=sys.stderr)
print('{"no": "log"}\\n[1]\\nplain', file=sys.stderr)
"""
    onlooker = Onlooker()
    with capture_logs() as logs:
        run(Started(script), onlooker, [Shard(1, 3)], until_end=True)

    assert logs == [{"event": "slow", "log_level": "warning", "shard": "1/3", "after_s": 2}]
    assert onlooker.words == [(Shard(1, 3), ('{"no": "log"}', "[1]", "plain"))]


SUPERVISOR = """
import os, sys
from dataflows.supervision.shard_process import ShardProcess
from dataflows.shards import Shard
from dataflows.supervision.supervisor import supervise

class Onlooker:
    def look(self, shards):
        if all(status.state == "running" for status in shards):
            print(*(status.pid for status in shards), flush=True)
    def said(self, shard, words): pass

supervise([Shard(0, 2), Shard(1, 2)], lambda shard: ShardProcess(shard, [sys.executable, "-c", CHILD], os.environ),
          Onlooker(), until_end=False)
"""
CHILD = """
import json, os, pathlib, sys, threading
from dataflows.supervision.lifeline import lifeline_held
stop = threading.Event()
with lifeline_held(stop):
    print(json.dumps({"event": "progress"}), file=sys.stderr, flush=True)
    stop.wait()
    pathlib.Path(f"ended-{os.getpid()}").touch()
"""


def test_not_even_kill_9_of_the_supervisor_leaves_a_child_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"CHILD = {CHILD!r}\n{SUPERVISOR}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        pids = list(map(int, supervisor.stdout.readline().split()))
        supervisor.kill()
    deadline = time.monotonic() + 20
    while any(map(lives, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert len(pids) == 2
    assert {path.name for path in tmp_path.iterdir()} == {f"ended-{pid}" for pid in pids}  # cleanly


def lives(pid: int) -> bool:
    """Whether it runs; who nobody buries in a container does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
