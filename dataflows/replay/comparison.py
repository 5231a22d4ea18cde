"""Computed records against written ones, message by message. Pure: who reads them is not known here.

Rule 1: computed records come in the order of their messages. Written ones do so for each instrument, and nearly so over all:
        those of one poll are grouped by instrument. A record is missing once that order says that it will not come any more.
Rule 2: a written record with the same bytes as one before it is a copy, which is counted and no difference.
Rule 3: a written record that no message of the range causes is a difference.
Rule 4: where nobody said how far to compare, what the job has not written yet, and what retention has deleted, is counted
        and no difference.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dataflows.replay.difference import Difference
from dataflows.replay.ranges import Range
from dataflows.replay.records import SLACK, Piece, Record


class Written(NamedTuple):
    """A record as it lies in its topic at offset ``at``."""

    at: int
    record: Record


class Source(Protocol):
    """Where written records come from."""

    cut: bool
    """Whether records that were to be read first are not there any more."""

    def more(self, *, patient: bool) -> list[Written] | None:
        """The next ones; None at the end. ``patient``: more are thought to be on their way."""


class Comparison:
    """Compares the records of a range.

    Args:
        range_: which messages caused them.
        written: the other side.
        instrument: whose records are compared; None: all.

    Attributes:
        counts: ``equal``, ``copies``; ``not_yet`` and ``deleted`` (see rule 4); ``missing``, ``unexpected``, ``different``;
            ``far_copies``: seen again so far behind that they can't be compared any more.
        first: the difference with the lowest raw offset.
        reached: the highest raw offset that a written record answers to; -1: none.
    """

    def __init__(self, range_: Range, written: Source, instrument: str | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.first: Difference | None = None
        self.reached = -1
        self._range = range_
        self._written = written
        self._key = None if instrument is None else instrument.encode()
        self._dry = self._ended = False  # nothing came at once, nor after a wait
        self._done = range_.begin
        self._newest: dict[bytes, int] = {}  # by key
        self._oldest: dict[bytes, int] = {}
        self._begun: int | None = None  # the offset that the first written record answers to
        self._waiting: defaultdict[int, list[Written]] = defaultdict(list)  # written, not yet computed
        self._matched: dict[int, Record] = {}  # computed; for copies
        self._matched_order: deque[int] = deque()

    @property
    def differences(self) -> int:
        """How many records are not as they should be."""
        return self.counts["missing"] + self.counts["unexpected"] + self.counts["different"]

    def feed(self, piece: Piece) -> None:
        """Take computed records."""
        for record in piece.records:
            while record.offset not in self._waiting and not self._is_passed(record):
                if not self._fetch(patient=record.offset < self.reached):
                    break
            self._judge(record, self._waiting.pop(record.offset, ()))
        self._sweep(piece.end)

    def finish(self) -> None:
        """All was computed: look for what should not be there."""
        while self.reached < self._range.end + SLACK and self._fetch(patient=False):
            pass
        self._sweep(self._range.end)

    def _is_passed(self, record: Record) -> bool:
        """Whether a record would have come by now."""
        return self._newest.get(record.key, -1) > record.offset or self.reached > record.offset + SLACK

    def _fetch(self, *, patient: bool) -> bool:
        """Look at some more written records; False at their end."""
        at_end = self._ended or (self._dry and not patient)
        found = None if at_end else self._written.more(patient=patient)
        if found is None:
            self._dry, self._ended = True, self._ended or patient
            return False
        self._dry = False
        for written in found:
            offset, key = written.record.offset, written.record.key
            if self._begun is None:
                self._begun = offset
            self._newest[key] = max(offset, self._newest.get(key, -1))
            self._oldest.setdefault(key, offset)
            self.reached = max(self.reached, offset)
            if self._range.begin <= offset < self._range.end and self._key in {None, key}:
                self._take(written)
        return True

    def _take(self, written: Written) -> None:
        offset = written.record.offset
        expected = self._matched.get(offset)
        if expected is not None:
            self._judge_copy(expected, written)
        elif offset < self._done - SLACK:
            self.counts["far_copies"] += 1
        else:
            self._waiting[offset].append(written)

    def _judge(self, record: Record, found: Sequence[Written]) -> None:
        self._matched[record.offset] = record
        self._matched_order.append(record.offset)
        if not found:
            self._absent(record)
            return
        if found[0].record == record:
            self.counts["equal"] += 1
        else:
            self._differ("different", Difference(record, found[0].record, found[0].at))
        for copy in found[1:]:
            self._judge_copy(record, copy)

    def _judge_copy(self, record: Record, copy: Written) -> None:
        if copy.record == record:
            self.counts["copies"] += 1
        else:
            self._differ("different", Difference(record, copy.record, copy.at))

    def _absent(self, record: Record) -> None:
        begun = self._begun if self._begun is not None else self._range.end
        if self._range.whole_tail and record.offset > self.reached:
            self.counts["not_yet"] += 1
        elif (
            self._range.whole_head
            and self._written.cut
            and record.offset < min(self._oldest.get(record.key, self._range.end), begun + SLACK)
        ):
            self.counts["deleted"] += 1
        else:
            self._differ("missing", Difference(record, None))

    def _sweep(self, end: int) -> None:
        """All messages before ``end`` are computed: what else was written for them should not be there."""
        for offset in sorted(offset for offset in self._waiting if offset < end):
            for written in self._waiting.pop(offset):
                self._differ("unexpected", Difference(None, written.record, written.at))
        self._done = end
        while self._matched_order and self._matched_order[0] < end - SLACK:
            del self._matched[self._matched_order.popleft()]

    def _differ(self, kind: str, difference: Difference) -> None:
        self.counts[kind] += 1
        if self.first is None or difference.offset < self.first.offset:
            self.first = difference
