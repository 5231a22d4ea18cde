"""The shards of one deployment as processes, each started again at once whatever ended it.

Owns what an end means: one that we brought about is part of the plan, exit code 3 is the outside that failed (a supervisor
starts again, and so do we), and everything else is a bug.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from typing_extensions import Self

from tests.deployment import OBI, Deployment, environment
from tests.kafka_server import ending_with_us

OUTSIDE_FAILED: Final = 3
STOP_S: Final = 60.0
RUNNING: Final = '"event": "running"'
LOG_TAIL_CHARACTERS: Final = 6000


class FleetError(AssertionError):
    """A shard ended as none may; the message ends with the tail of its log."""


class Fleet:
    """All shards of a job.

    Args:
        deployment: whose job.
        shards: how many processes share the partitions.
        arguments: of each of them.

    Attributes:
        starts: of processes, the first ones too.
        failures: ends with exit code 3.
    """

    def __init__(self, deployment: Deployment, shards: int, arguments: Sequence[str] = ()) -> None:
        self.deployment = deployment
        self.shards = shards
        self.starts = 0
        self.failures = 0
        self._arguments = tuple(arguments)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._said: dict[int, int] = {}

    def start(self, shard: int, program: Sequence[str] = OBI) -> None:
        """Start one."""
        self._processes[shard] = self._popen(shard, program)
        self.starts += 1

    def kill(self, shard: int) -> None:
        """SIGKILL one, and start it again."""
        process = self._processes[shard]
        process.kill()
        process.wait()
        self.start(shard)

    def terminate(self, shard: int) -> None:
        """SIGTERM one, which must end in good order, and start it again."""
        self._ask(shard)
        self._expect_0(shard)
        self.start(shard)

    def tend(self) -> None:
        """Start those again that ended by themselves.

        Raises:
            FleetError: with another exit code than 3.
        """
        for shard, process in self._processes.items():
            if self.runs(shard):
                continue
            if process.returncode != OUTSIDE_FAILED:
                raise FleetError(f"shard {shard} ended with {process.returncode}:\n{self._tail(shard)}")
            self.failures += 1
            self.start(shard)

    def settle(self) -> None:
        """End all in good order, then let each come to the end of the raw topic."""
        self.tend()
        for shard in self._processes:
            self._ask(shard)
        for shard in self._processes:
            self._expect_0(shard)
        for shard in self._processes:
            self._processes[shard] = self._popen(shard, OBI, "--until-end")
        for shard in self._processes:
            self._expect_0(shard)

    def log(self, shard: int) -> str:
        """What one of them has said since its last start."""
        return self._path(shard).read_bytes()[self._said[shard] :].decode(errors="replace")

    def logs(self) -> str:
        """What all of them have said since the beginning."""
        return "".join(self._path(shard).read_text(errors="replace") for shard in range(self.shards))

    def runs(self, shard: int) -> bool:
        """Whether one has not ended."""
        return self._processes[shard].poll() is None

    def wait(self, shard: int) -> int:
        """The exit code of one that ends by itself.

        Raises:
            FleetError: it does not.
        """
        try:
            return self._processes[shard].wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._processes[shard].kill()
            raise FleetError(f"shard {shard} did not end within {STOP_S:.0f} s:\n{self._tail(shard)}") from None

    def __enter__(self) -> Self:
        for shard in range(self.shards):
            self.start(shard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _popen(self, shard: int, program: Sequence[str], *arguments: str) -> subprocess.Popen[bytes]:
        share = f"--shard={shard}/{self.shards}"
        command = self.deployment.command(share, *self._arguments, *arguments, program=program)
        with self._path(shard).open("ab") as log:
            self._said[shard] = log.tell()
            return subprocess.Popen(
                ending_with_us(command),
                cwd=self.deployment.folder,
                env=environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _ask(self, shard: int) -> None:
        """SIGTERM to one that runs: while Python itself starts, nobody is there yet who could end in good order."""
        deadline = time.monotonic() + STOP_S
        while RUNNING not in self.log(shard) and self.runs(shard):
            if time.monotonic() > deadline:
                raise FleetError(f"shard {shard} does not run after {STOP_S:.0f} s:\n{self._tail(shard)}")
            time.sleep(0.02)
        self._processes[shard].send_signal(signal.SIGTERM)

    def _expect_0(self, shard: int) -> None:
        if code := self.wait(shard):
            raise FleetError(f"shard {shard} was to end in good order, exit code {code}:\n{self._tail(shard)}")

    def _tail(self, shard: int) -> str:
        return self.log(shard)[-LOG_TAIL_CHARACTERS:]

    def _path(self, shard: int) -> Path:
        return self.deployment.folder / f"shard-{shard}.log"
