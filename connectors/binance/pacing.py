"""How often: allowances that hold in every window of time, and waits that grow with each failure.

Rule 1: an allowance holds in any window of its span, so it holds in those of the exchange too, wherever they begin.
Rule 2: waits are spread by a random number from outside, so that sockets that fell together don't rise together.
"""

from __future__ import annotations

from collections import deque
from typing import Final

HEALTHY_S: Final = 60.0
"""Who lived that long was well: the next failure is a first one."""

LONGEST_PATIENCE_S: Final = 3600.0


class Allowance:
    """At most ``limit`` units within any ``span_s`` seconds."""

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit = limit
        self._span_s = span_s
        self._taken: deque[tuple[float, int]] = deque()
        self._used = 0

    def used(self, now_s: float) -> int:
        """Units taken within the last ``span_s`` seconds."""
        while self._taken and self._taken[0][0] <= now_s - self._span_s:
            self._used -= self._taken.popleft()[1]
        return self._used

    def room(self, now_s: float) -> int:
        """Units that may be taken now."""
        return self.limit - self.used(now_s)

    def take(self, units: int, now_s: float) -> None:
        """Take ``units``; the caller has asked for ``room``."""
        self._taken.append((now_s, units))
        self._used += units


class Patience:
    """How long to wait for something that may be quiet by nature: twice as long each time, as before after a good hour.

    Attributes:
        seconds: That long.
    """

    __slots__ = ("_first_s", "_lost_s", "seconds")

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._lost_s = 0.0
        self.seconds = first_s

    def lose(self, now_s: float) -> None:
        """It was waited for in vain."""
        self.seconds = min(self.seconds * 2.0, max(LONGEST_PATIENCE_S, self._first_s))
        self._lost_s = now_s

    def rest(self, now_s: float) -> None:
        """It is there."""
        if now_s - self._lost_s >= LONGEST_PATIENCE_S:
            self.seconds = self._first_s


class Backoff:
    """Waits that double with each failure in a row, spread over their upper half.

    >>> backoff = Backoff(0.5, 60.0)
    >>> [backoff.failed(lived_s=0.0, jitter=1.0) for _ in range(9)]
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.failures = 0

    def failed(self, lived_s: float, jitter: float) -> float:
        """Seconds to wait, after ``lived_s`` seconds of a good life; ``jitter`` in [0, 1)."""
        if lived_s >= HEALTHY_S:
            self.failures = 0
        whole_s = min(self._first_s * 2.0 ** min(self.failures, 30), self._longest_s)
        self.failures += 1
        return whole_s * (0.5 + 0.5 * jitter)

    def succeeded(self) -> None:
        """Begin again with the shortest wait."""
        self.failures = 0
