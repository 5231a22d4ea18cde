"""What a run tells its operator while it goes on: one log line now and then, with totals and the speed since the last one.

Owns the event ``progress`` and its fields; the supervisor of shards reads them from its children's logs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog

from dataflows.counts import Counts
from dataflows.monitor import Monitor
from dataflows.shards import Shard

PROGRESS: Final = "progress"


class Progress:
    """The fields of one line after the other.

    Args:
        monitor: knows the lag.
        counts: knows the totals.
        shard: whose progress it is.
        partitions: of the raw topic, those that the shard reads.
        clock: seconds that only go on.
    """

    def __init__(
        self,
        monitor: Monitor,
        counts: Counts,
        shard: Shard,
        partitions: Sequence[int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monitor = monitor
        self._counts = counts
        self._fixed: dict[str, Any] = {"shard": str(shard), "partitions": list(partitions)}
        self._clock = clock
        self._last = (clock(), counts.messages)

    def fields(self) -> dict[str, Any]:
        """As things are now; ``per_second`` is since the line before, ``lag`` None until it is known."""
        counts, (before, seen) = self._counts, self._last
        now, messages = self._clock(), counts.messages
        self._last = now, messages
        return {
            **self._fixed,
            "messages": messages,
            "records": counts.records,
            # A copy in one step: the worker may add a reason meanwhile.
            "faults": sum(dict(counts.faults).values()),
            "per_second": round((messages - seen) / max(now - before, 1e-9)),
            "lag": self._monitor.total_lag(),
        }


@contextmanager
def progress_logged(
    monitor: Monitor, counts: Counts, interval_s: float, shard: Shard, partitions: Sequence[int]
) -> Iterator[None]:
    """Log the progress every ``interval_s`` seconds meanwhile, and the totals at the end; 0 logs none."""
    if not interval_s:
        yield
        return
    progress = Progress(monitor, counts, shard, partitions)
    log = structlog.get_logger("obi")
    over = threading.Event()

    def tell() -> None:
        while not over.wait(interval_s):
            log.info(PROGRESS, **progress.fields())

    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        log.info(PROGRESS, **progress.fields())
