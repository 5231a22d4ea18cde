"""What is read of the metrics topic, and the verdict in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from connectors.stretch import StretchReader
from dataflows.replay import verify
from dataflows.replay.comparison import Comparison
from dataflows.replay.ranges import Range
from dataflows.replay.records import Piece, Record
from dataflows.replay.starts import Plan, ReplayStart
from dataflows.replay.verify import Verdict, WrittenRecords


def value(offset: int) -> bytes:
    return b'{"seq":1,"source":{"topic":"t","partition":0,"offset":%d}}' % offset


class Line:
    """A message as librdkafka gives it."""

    def __init__(self, at: int, body: bytes | None) -> None:
        self._at = at
        self._body = body

    def offset(self) -> int:
        return self._at

    def key(self) -> bytes:
        return b"v:A"

    def value(self) -> bytes | None:
        return self._body

    def timestamp(self) -> tuple[int, int]:
        return 1, 1000 + self._at


class Partition:
    """The metrics topic; ``growing`` messages come one a look, after the first look."""

    def __init__(self, bodies: Sequence[bytes | None], first: int = 0, growing: Sequence[bytes | None] = ()) -> None:
        self._first = first
        self._lines = [Line(first + place, body) for place, body in enumerate([*bodies, *growing])]
        self._end = first + len(bodies) - 1
        self.looks = 0

    def offsets(self) -> tuple[int, int]:
        self.looks += 1
        self._end = min(self._end + 1, self._first + len(self._lines))
        return self._first, self._end

    def read(self, begin: int, end: int, most: int) -> Iterator[list[Line]]:
        lines = [line for line in self._lines if begin <= line.offset() < end]
        yield from (lines[place : place + min(most, 2)] for place in range(0, len(lines), 2))


def written(partition: Partition, begin: int = 0) -> WrittenRecords:
    return WrittenRecords(cast("StretchReader", partition), begin)


def all_of(records: WrittenRecords) -> list[int]:
    found = []
    while (some := records.more(patient=False)) is not None:
        found += [item.record.offset for item in some]
    return found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_PATIENCE_S", 0.05)


def test_records_are_read_from_an_offset_to_the_end_with_what_they_answer_to() -> None:
    records = written(Partition([value(n) for n in range(50, 60)]), begin=7)
    first = records.more(patient=False)

    assert first is not None
    assert [(item.at, item.record) for item in first] == [
        (7, Record(57, b"v:A", value(57), 1007)),
        (8, Record(58, b"v:A", value(58), 1008)),
    ]
    assert all_of(records) == [59]
    assert not records.cut


def test_what_is_no_record_is_counted_and_passed_over() -> None:
    records = written(Partition([value(1), None, b"hello", b"{}", value(2)]))

    assert all_of(records) == [1, 2]
    assert records.foreign == 3


def test_records_that_were_deleted_before_they_were_read_are_noticed() -> None:
    records = written(Partition([value(8), value(9)], first=5), begin=3)

    assert records.cut
    assert all_of(records) == [8, 9]


def test_a_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    assert all_of(written(Partition([value(1)]), begin=100)) == [1]


def test_what_comes_while_it_is_read_is_read_too_and_waited_for_when_asked() -> None:
    partition = Partition([value(1)], growing=[value(2)])
    records = written(partition)

    assert all_of(records) == [1, 2]
    assert records.more(patient=True) is None
    assert partition.looks > 3


def verdict(
    expected: Sequence[Record], received: Sequence[Record], range_: Range, notes: Sequence[str] = ()
) -> Verdict:
    partition = Partition([record.value for record in received])
    comparison = Comparison(range_, written(partition))
    comparison.feed(Piece(range_.end, list(expected)))
    comparison.finish()
    return Verdict(Plan(range_, ReplayStart(0, "somewhere")), comparison, 0, list(notes), "m")


def records(*offsets: int) -> list[Record]:
    return [Record(offset, b"v:A", value(offset), 1000 + place) for place, offset in enumerate(offsets)]


SAID = Range(3, 10, 13, 0, whole_head=False, whole_tail=False)
OPEN = Range(3, 10, 13, 0)


def test_the_verdict_that_all_is_well_is_one_line() -> None:
    told = verdict(records(10, 11, 12), records(10, 11, 12), SAID)

    assert told.equal
    assert list(told.lines()) == ["partition 3, offsets 10 .. 12: 3 records are equal, byte for byte"]


def test_a_range_without_a_record_is_equal_to_nothing() -> None:
    told = verdict([], [], SAID)

    assert told.equal
    assert list(told.lines()) == ["partition 3, offsets 10 .. 12: 0 records are equal, byte for byte"]


def test_a_topic_with_nothing_to_compare_is_no_proof() -> None:
    told = verdict(records(10, 11, 12), [], OPEN)

    assert not told.equal
    assert list(told.lines()) == [
        "partition 3, offsets 10 .. 12: no record to compare with (3 the job has not written yet)"
    ]


def test_the_verdict_that_something_is_missing_says_how_far_the_job_has_got() -> None:
    told = verdict(records(10, 11, 12), records(10), SAID, ["note: of the journal"])

    assert not told.equal
    assert list(told.lines()) == [
        "partition 3, offsets 10 .. 12: 2 missing of 3 records",
        "the first: raw offset 11: expected a record in m, received none",
        f"  expected  {value(11).decode()}",
        "note: the newest record in m is of raw offset 10; has the job got further yet?",
        "note: of the journal",
    ]
