"""Whether the differences of one symbol follow each other, and which snapshot joins them: ids only, no levels.

Rule 1: it decides as the job's full book decides (``orderbook.diff_lane``), so that the feed asks for a snapshot exactly
        when the job needs one. The rules on ids are those of ``orderbook.sequence``, on plain numbers; a test holds both
        equal.
Rule 2: states: waiting (no snapshot that fits; ids are kept), seeded (a snapshot that waits for the first difference),
        joined (whole).
"""

from __future__ import annotations

import enum
from collections import deque
from typing import Final

MAX_WAITING: Final = 2_000
"""Differences remembered while no snapshot fits, as in the job; the oldest is forgotten first."""

RESTART_MS: Final = 60_000
"""Ids that go back while event time is that much ahead: the venue began to count anew. As in the job."""


class Step(enum.Enum):
    """What a difference does to the chain."""

    FOLLOWS = "follows"
    """It leaves nothing out, or it is the first."""
    SEEN = "seen"
    """All of it was there before."""
    BREAK = "break"
    """Something between the one before and this one is missing."""
    UNJOINED = "unjoined"
    """The snapshot does not reach it."""


class Chain:
    """The ids of one symbol's differences.

    Attributes:
        joined: Whether a book that is fed with these messages is whole.
        last_id: Of the last difference, or of the snapshot that waits for one; None while waiting for a snapshot.
    """

    __slots__ = ("_chained", "_clock_ms", "_waiting", "joined", "last_id")

    def __init__(self, *, chained: bool) -> None:
        self._chained = chained
        self._waiting: deque[tuple[int, int, int | None]] = deque(maxlen=MAX_WAITING)
        self._clock_ms = 0
        self.joined = False
        self.last_id: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether differences came that no snapshot fits yet."""
        return bool(self._waiting)

    def take(self, first_id: int, update_id: int, previous_id: int | None, clock_ms: int) -> Step:
        """The next difference, received at event time ``clock_ms``."""
        last = self._waiting[-1][1] if self._waiting else self.last_id
        step = Step.FOLLOWS
        if last is not None:
            if self._seen(update_id, last):
                if not self._clock_ms or clock_ms - self._clock_ms <= RESTART_MS:
                    return Step.SEEN
                step = self._wait(Step.BREAK)
            elif not self._fits(first_id, previous_id, last):
                step = self._wait(Step.BREAK if self.joined or self._waiting else Step.UNJOINED)
        self._clock_ms = clock_ms
        if self.last_id is None:
            self._waiting.append((first_id, update_id, previous_id))
        else:
            self.last_id, self.joined = update_id, True
        return step

    def snapshot(self, update_id: int) -> bool:
        """A snapshot came. Whether the book is whole with it, or will be with the next difference."""
        if self.last_id is not None and (self.joined or update_id <= self.last_id):
            return True  # compared with, or kept; changes nothing here
        newer = [each for each in self._waiting if not older_than_snapshot(each[1], update_id, chained=self._chained)]
        if newer and not joins_snapshot(newer[0][0], newer[0][2], update_id):
            return False
        self.last_id, self.joined = (newer[-1][1], True) if newer else (update_id, False)
        self._waiting.clear()
        return True

    def _seen(self, update_id: int, last: int) -> bool:
        if self.last_id is not None and not self.joined:
            return older_than_snapshot(update_id, last, chained=self._chained)
        return update_id <= last

    def _fits(self, first_id: int, previous_id: int | None, last: int) -> bool:
        if self.last_id is not None and not self.joined:
            return joins_snapshot(first_id, previous_id, last)
        return follows(first_id, previous_id, last)

    def _wait(self, step: Step) -> Step:
        self.last_id, self.joined = None, False
        self._waiting.clear()
        return step


def older_than_snapshot(update_id: int, snapshot_id: int, *, chained: bool) -> bool:
    """Whether a difference is in the snapshot already."""
    return update_id < snapshot_id if chained else update_id <= snapshot_id


def joins_snapshot(first_id: int, previous_id: int | None, snapshot_id: int) -> bool:
    """Whether a difference, which is not older, leaves nothing out between the snapshot and itself."""
    if previous_id is None:
        return first_id <= snapshot_id + 1
    return first_id <= snapshot_id or previous_id == snapshot_id


def follows(first_id: int, previous_id: int | None, last_id: int) -> bool:
    """Whether a difference, which is newer, leaves nothing out between ``last_id`` and itself."""
    return first_id <= last_id + 1 if previous_id is None else previous_id == last_id
