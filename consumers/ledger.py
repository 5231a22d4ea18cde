"""Conservation, checked message by message: each raw offset has exactly one fate. Pure.

Rule 1: a fate is a record, a fault, or to be ignored for a reason that the message itself shows (a trade, a quote, a
        snapshot, a depth message whose ids were told before).
Rule 2: a depth message without record and fault that is not stale is lost; two answers to one message are a duplicate.
Rule 3: answers may be read before the message that they answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from consumers.witness import Depth, Quote, SnapshotSeen, Testimony, TradeSeen

_AWAITED, _TRADE, _QUOTE, _SNAPSHOT, _STALE, _RECORD, _FAULT = range(7)
_IGNORED: Final = {_TRADE: "trade", _QUOTE: "book_ticker", _SNAPSHOT: "snapshot", _STALE: "stale"}


class _Partition:
    """The fates of one raw partition's messages, a byte each."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.fates = bytearray()
        self.early: dict[int, int] = {}
        self.awaited = 0
        self.answered_to = -1
        self.unread = 0


class Ledger:
    """The fates of all raw messages of a run.

    Attributes:
        faults: Faults by reason.
        duplicates: Answers to messages that had one.
    """

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.duplicates = 0
        self._partitions: dict[int, _Partition] = {}
        self._highest: dict[str, int] = {}

    def raw(self, partition: int, offset: int, instrument: str, testimony: Testimony) -> None:
        """Take a raw message; a partition's come in the order of their offsets."""
        of = self._of(partition)
        fate = self._fate(instrument, testimony)
        if of.first is None:
            of.first = offset
        elif offset - of.first > len(of.fates):  # the broker dropped messages before they were read here
            missing = offset - of.first - len(of.fates)
            of.unread += missing
            of.fates += bytes([_TRADE]) * missing
        answer = of.early.pop(offset, None)
        of.fates.append(fate if answer is None else answer)
        of.awaited += fate == _AWAITED and answer is None

    def record(self, partition: int, offset: int) -> None:
        """Take the record that answers a raw message."""
        self._answer(partition, offset, _RECORD)

    def fault(self, partition: int, offset: int, reason: str) -> None:
        """Take the fault that answers a raw message."""
        self.faults[reason] += 1
        self._answer(partition, offset, _FAULT)

    def read_to(self, partition: int) -> int:
        """Raw messages of the partition that were read here."""
        return len(self._of(partition).fates)

    def answered_to(self, partition: int) -> int:
        """Raw messages of the partition that the job has dealt with, as far as its answers show."""
        of = self._of(partition)
        return len(of.fates) if not of.awaited else of.answered_to + 1

    @property
    def messages(self) -> int:
        """Raw messages."""
        return sum(len(of.fates) for of in self._partitions.values())

    @property
    def records(self) -> int:
        """Raw messages with a record."""
        return self._count(_RECORD)

    @property
    def ignored(self) -> Counter[str]:
        """Raw messages that are neither, by what they show."""
        return Counter({name: count for fate, name in _IGNORED.items() if (count := self._count(fate))})

    @property
    def awaited(self) -> int:
        """Raw messages that must still be answered; at the end, those that are lost."""
        return sum(of.awaited for of in self._partitions.values())

    @property
    def unread(self) -> int:
        """Raw messages that were gone before they could be read, and answers to messages that were never read."""
        return sum(of.unread + len(of.early) for of in self._partitions.values())

    @property
    def balanced(self) -> bool:
        """Whether every message has exactly one fate."""
        return not (self.awaited or self.duplicates or self.unread)

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())

    def _count(self, fate: int) -> int:
        return sum(of.fates.count(fate) for of in self._partitions.values())

    def _fate(self, instrument: str, testimony: Testimony) -> int:
        """What becomes of the message if nobody answers it."""
        if isinstance(testimony, TradeSeen):
            return _TRADE
        if isinstance(testimony, Quote):
            return _QUOTE
        if not isinstance(testimony, Depth | SnapshotSeen) or testimony.update_id is None:
            return _AWAITED
        highest = self._highest.get(instrument, -1)
        self._highest[instrument] = max(highest, testimony.update_id)
        if isinstance(testimony, SnapshotSeen):
            return _SNAPSHOT
        return _STALE if testimony.update_id <= highest else _AWAITED

    def _answer(self, partition: int, offset: int, answer: int) -> None:
        of = self._of(partition)
        of.answered_to = max(of.answered_to, offset - (of.first or 0))
        at = offset - of.first if of.first is not None else len(of.fates)
        if at >= len(of.fates):
            self.duplicates += offset in of.early
            of.early[offset] = answer
            return
        before = of.fates[at]
        self.duplicates += before in {_RECORD, _FAULT}
        of.awaited -= before == _AWAITED
        of.fates[at] = answer
