"""When a shard that failed is started again, and when that has no sense any more. Pure numbers."""

from __future__ import annotations

from typing import Final

FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0
HEALTHY_S: Final = 60.0
"""Who worked that long has come back to life: what happens then is a new failure, not the same once more."""

FAILURES: Final = 7
"""In a row, before it is given up. The waits between them bridge a minute, as a broker needs for a restart."""


class Backoff:
    """Waits of one shard: twice as long with each failure, from 1 s to 30 s; none after the seventh in a row.

    >>> backoff = Backoff()
    >>> [backoff.failed(worked_s=0.5) for _ in range(7)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, None]
    """

    def __init__(self) -> None:
        self.failures = 0

    def failed(self, worked_s: float) -> float | None:
        """Seconds to wait, after it failed having worked for ``worked_s``; None to give up."""
        if worked_s >= HEALTHY_S:
            self.failures = 0
        self.failures += 1
        if self.failures >= FAILURES:
            return None
        return min(FIRST_S * 2.0 ** (self.failures - 1), LONGEST_S)
