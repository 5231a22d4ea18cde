"""When a small batch is worth taking: soon enough for the reader of its records, not so soon that batches cost a core.

Owns the measure of what a batch costs, and how long the job rests after one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

FEW: Final = 100
"""So many messages are worth a batch at once."""

_SHARE: Final = 2.0
LONGEST_S: Final = 0.004


class Pace:
    """Rests after each batch twice as long as it took, up to 4 ms.

    A batch has a price of its own, as high as that of some 20 messages. Small batches then cost a third of a core at most, at
    any rate; what comes after a rest is taken at once, and waits for nothing.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given_at: float | None = None
        self._rested_at = 0.0

    def given(self) -> None:
        """A batch goes on its way."""
        self._given_at = self._clock()

    def through(self, *, counts: bool = True) -> None:
        """The job asks for more: the last batch is done.

        Args:
            counts: whether the time since tells what it cost; not when an epoch ended in between.
        """
        if self._given_at is not None and counts:
            now = self._clock()
            self._rested_at = now + min(_SHARE * (now - self._given_at), LONGEST_S)
        self._given_at = None

    def rest_s(self) -> float:
        """How long a small batch should wait for other messages yet, 0 .. 0.004 s."""
        return max(0.0, self._rested_at - self._clock())
