"""All shards on this machine: each one a process, kept alive, ended together.

Owns the loop and the signals: a first one asks all children to end cleanly, a second one kills them. None outlives the
supervisor. What an end of a child means is in ``dataflows.supervision.keeper``.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from dataflows.shards import Shard
from dataflows.supervision.keeper import PATIENCE_S, Keeper, Onlooker, ShardError, Start

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_LOOK_EVERY_S: Final = 0.2


def supervise(
    shards: Sequence[Shard],
    start: Start,
    onlooker: Onlooker,
    *,
    until_end: bool,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when all shards are done, or have ended because a signal asked for it.

    Args:
        shards: which ones.
        start: starts a process for a shard.
        onlooker: shown how things go.
        until_end: whether an exit code 0 means that a shard is done.
        clock: seconds that only go on.
        sleep: waits so many seconds.

    Raises:
        ShardError: one of them can't go on, or did not end well.
    """
    keepers = [Keeper(shard, start, onlooker, until_end=until_end, clock=clock) for shard in shards]
    supervisor = _Supervisor(keepers, clock)
    with _signals_noted() as signals:
        try:
            while not supervisor.over:
                supervisor.obey(signals)
                supervisor.tend()
                onlooker.look([keeper.status() for keeper in keepers])
                sleep(_LOOK_EVERY_S)
        finally:
            for keeper in keepers:
                keeper.close()
    if len(signals) > 1:
        raise ShardError(128 + signals[1], "killed by the second signal; the next start recovers, as after a crash")
    if supervisor.failure is not None:
        raise supervisor.failure


class _Supervisor:
    """All keepers as one. ``failure``: the first shard that can't go on."""

    def __init__(self, keepers: Sequence[Keeper], clock: Callable[[], float]) -> None:
        self.failure: ShardError | None = None
        self._keepers = keepers
        self._clock = clock
        self._kill_at: float | None = None

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return all(keeper.over for keeper in self._keepers)

    def obey(self, signals: Sequence[int]) -> None:
        """Do what the signals that came so far ask for."""
        if signals:
            self._stop(signal.Signals(signals[0]).name)
        if len(signals) > 1:
            self._kill_at = self._clock()

    def tend(self) -> None:
        """Let each keeper do its work; end all when one can't go on."""
        for keeper in self._keepers:
            keeper.tend()
        self.failure = self.failure or next((keeper.failure for keeper in self._keepers if keeper.failure), None)
        if self.failure is not None:
            self._stop("a shard can't go on")
        if self._kill_at is not None and self._clock() >= self._kill_at:
            for keeper in self._keepers:
                keeper.kill()

    def _stop(self, why: str) -> None:
        """Ask all of them to end, once."""
        if self._kill_at is not None:
            return
        self._kill_at = self._clock() + PATIENCE_S
        if not self.over:
            structlog.get_logger("obi").info("ending all shards", why=why)
        for keeper in self._keepers:
            keeper.stop()


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """The signals that came so far; nothing else happens on them here. Only in the main thread."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = [signal.signal(number, lambda number, _frame: noted.append(number)) for number in _SIGNALS]
    try:
        yield noted
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
