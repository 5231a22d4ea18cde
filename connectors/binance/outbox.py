"""Where every part of the core puts what it asks of the shell, and where it counts.

Rule 1: a note that can repeat is told when it begins and when it ends, never in between (``Alarm``).
"""

from __future__ import annotations

from collections import deque

from connectors.binance.actions import Action, Level, Note
from connectors.binance.status import FeedStatus


class Outbox:
    """The actions of one feed in their order, and its numbers."""

    def __init__(self) -> None:
        self.actions: deque[Action] = deque()
        self.status = FeedStatus()

    def note(self, level: Level, kind: str, text: str, /, **fields: object) -> None:
        """A line for the log, counted by ``kind``."""
        self.status.notes[kind] += 1
        self.actions.append(Note(level, kind, text, fields))


class Alarm:
    """A condition that is told twice: when it begins, and when it ends."""

    def __init__(self, out: Outbox, kind: str) -> None:
        self._out = out
        self._kind = kind
        self.since_s: float | None = None

    def begin(self, text: str, now_s: float, /, **fields: object) -> bool:
        """The condition holds. Whether that is new; only then it is told."""
        if self.since_s is not None:
            return False
        self.since_s = now_s
        self._out.note("warning", self._kind, text, **fields)
        return True

    def end(self, text: str, now_s: float, /, **fields: object) -> bool:
        """The condition does not hold. Whether that is new; only then it is told, with how long it held."""
        if self.since_s is None:
            return False
        seconds = now_s - self.since_s
        self.since_s = None
        self._out.note("info", f"{self._kind}_over", f"{text}, after {seconds:.0f} s", seconds=seconds, **fields)
        return True


def some(names: list[str], shown: int = 5) -> str:
    """The first few of ``names``, and how many there are beside them.

    >>> some(["A", "B", "C"], shown=2)
    'A, B and 1 more'
    """
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
