"""One shard through all its lives: starting, running, waiting to restart, ending; at last done or failed.

Owns what an end of a child means:

    exit code 0   it is done with ``until_end``, or when it was asked to end; else it is started again
    exit code 2   wrong use or settings: no repetition makes that right, no shard goes on, exit code 2
    replaced      a newer process writes its partitions: starting it again would end that one, exit code 3
    all others    it is started again after a while (``dataflows.supervision.backoff``), its state is made for that; when it fails
                  again and again, no shard goes on, exit code 3
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Protocol, TypeAlias

import structlog

from connectors.broker import SECOND_WRITER
from dataflows.shards import Shard
from dataflows.supervision.backoff import Backoff
from dataflows.supervision.shard_process import ShardProcess, exit_text

PATIENCE_S: Final = 30.0
"""How long a child may take to end; longer than a run needs to end cleanly."""

_WRONG_USE: Final = 2
_FAILED: Final = 3

Start: TypeAlias = Callable[[Shard], ShardProcess]


class ShardError(RuntimeError):
    """A shard can't go on, and so none does; ``code`` is the exit code."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class ShardStatus:
    """A shard as it is now. Figures are those of its present process, or of the last one; 0 and None before the first ones."""

    shard: Shard
    state: str
    pid: int | None
    partitions: tuple[int, ...] | None
    restarts: int
    messages: int
    per_second: int
    lag: int | None
    faults: int


class Onlooker(Protocol):
    """Who shows the shards to the user."""

    def look(self, shards: Sequence[ShardStatus]) -> None:
        """They are like this now; called a few times a second."""

    def said(self, shard: Shard, words: Sequence[str]) -> None:
        """A process of this shard ended, and said this besides its log."""


class Keeper:
    """Keeps one shard alive.

    Args:
        shard: which one.
        start: starts a process for it.
        onlooker: told the last words of its processes.
        until_end: whether an exit code 0 means that it is done.
        clock: seconds that only go on.

    Attributes:
        over: whether it is done or has failed; then it is not started again.
        failure: why it can't go on, or did not end well.
    """

    def __init__(
        self, shard: Shard, start: Start, onlooker: Onlooker, *, until_end: bool, clock: Callable[[], float]
    ) -> None:
        self.over = False
        self.failure: ShardError | None = None
        self._shard = shard
        self._start = start
        self._onlooker = onlooker
        self._until_end = until_end
        self._clock = clock
        self._backoff = Backoff()
        self._process: ShardProcess | None = None
        self._figures: Mapping[str, Any] = {}
        self._partitions: tuple[int, ...] | None = None
        self._due = clock()
        self._works_since: float | None = None
        self._starts = 0
        self._stopping = self._killed = False

    def tend(self) -> None:
        """Do what is to be done now."""
        if self.over:
            return
        if self._process is None:
            if self._clock() >= self._due:
                self._process = self._start(self._shard)
                self._figures = {}
                self._works_since = None
                self._starts += 1
            return
        if (code := self._process.exit_code) is not None:
            self._ended(self._process, code)
        elif self._process.progress is not None:
            self._hear(self._process.progress)

    def stop(self) -> None:
        """Ask it to end; one that waits for its restart has ended."""
        self._stopping = True
        if self._process is None:
            self.over = True
        else:
            self._process.stop()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._killed = True
            self._process.kill()

    def close(self) -> None:
        """Nothing of it is left behind."""
        if self._process is not None:
            self._process.close()

    def status(self) -> ShardStatus:
        """As it is now."""
        figures, works = self._figures, self._process is not None
        return ShardStatus(
            shard=self._shard,
            state=self._state(),
            pid=self._process.pid if self._process is not None else None,
            partitions=self._partitions,
            restarts=max(self._starts - 1, 0),
            messages=figures.get("messages", 0),
            per_second=figures.get("per_second", 0) if works else 0,
            lag=figures.get("lag") if works else None,
            faults=figures.get("faults", 0),
        )

    def _state(self) -> str:
        if self.over:
            return "failed" if self.failure else "done"
        if self._stopping:
            return "ending"
        if self._process is None and self._starts:
            return f"restart in {ceil(max(self._due - self._clock(), 0))} s"
        return "starting" if self._works_since is None else "running"

    def _hear(self, figures: Mapping[str, Any]) -> None:
        self._figures = figures
        self._partitions = tuple(figures.get("partitions", ()))
        if self._works_since is None:
            self._works_since = self._clock()

    def _ended(self, process: ShardProcess, code: int) -> None:
        words = process.last_words()
        if process.progress is not None:
            self._hear(process.progress)
        process.close()
        self._process = None
        if self._stopping or (code == 0 and self._until_end):
            self.over = True
            if self._killed:
                self._fail(code, f"did not end within {PATIENCE_S:g} s, and was killed", words)
            elif code == 0:
                self._onlooker.said(self._shard, words)
            elif code != -signal.SIGTERM:  # that is: asked before it listened, or when it listened no more
                self._fail(code, "did not end cleanly", words)
        elif code == _WRONG_USE:
            self._fail(code, "can't run", words)
        elif any(SECOND_WRITER in line for line in words):
            self._fail(code, "was replaced by a newer process", words)
        else:
            self._start_again(process.pid, code, words)

    def _start_again(self, pid: int, code: int, words: Sequence[str]) -> None:
        worked_s = 0.0 if self._works_since is None else self._clock() - self._works_since
        wait_s = self._backoff.failed(worked_s)
        if wait_s is None:
            self._fail(code, f"failed {self._backoff.failures} times in a row", words)
            return
        self._due = self._clock() + wait_s
        self._onlooker.said(self._shard, words)
        structlog.get_logger("obi").warning(
            "shard ended and is started again", shard=str(self._shard), pid=pid, ended_with=exit_text(code),
            wait_s=wait_s, failures_in_a_row=self._backoff.failures,
        )  # fmt: skip

    def _fail(self, code: int, what: str, words: Sequence[str]) -> None:
        self.over = True
        said = "\n".join(words).removeprefix("error: ") or "it said nothing"
        # What a shard advises to type is for itself; who supervises types it for all of them.
        said = said.replace(f"--shard {self._shard} ", f"--shards {self._shard.count} ")
        wrong = _WRONG_USE if code == _WRONG_USE else _FAILED
        self.failure = ShardError(wrong, f"shard {self._shard} {what} ({exit_text(code)}): {said}")
