"""Rows on their way from the thread that reads to a loop that wants each of them.

Owns what happens when the loop is too slow: at ``limit`` waiting rows the subscription ends with an error that says so. It
neither grows without end, nor holds the reading up, nor drops rows in silence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock

from consumers.rows import Row


class SlowLoopError(RuntimeError):
    """A loop over the records could not keep up with them."""


class Subscription:
    """Takes rows from one thread and gives them to another.

    Args:
        limit: Rows that may wait.
        wake: Called, from the thread that reads, when there is something to fetch.
    """

    def __init__(self, limit: int, wake: Callable[[], object]) -> None:
        self._rows: deque[Row] = deque()
        self._limit = limit
        self._wake = wake
        self._end: BaseException | None = None
        self._lock = Lock()

    def put(self, rows: Iterable[Row]) -> None:
        """Hand rows over."""
        with self._lock:
            if self._end is not None:
                return
            self._rows.extend(rows)
            if len(self._rows) > self._limit:
                self._rows.clear()
                self._end = SlowLoopError(
                    f"expected the loop over the records to keep up, received: {self._limit} records waited for it; "
                    "begin a new loop, which starts with the newest ones, and do less in it"
                )
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Let the loop end after what waits, with an error or without one."""
        with self._lock:
            self._end = self._end or error or StopIteration()
        self._wake()

    def fetch(self) -> list[Row] | None:
        """What waits; None: nothing more will come.

        Raises:
            BaseException: The error that ``end`` was told.
        """
        with self._lock:
            if self._rows or self._end is None:
                rows = list(self._rows)
                self._rows.clear()
                return rows
        if isinstance(self._end, StopIteration):
            return None
        raise self._end
