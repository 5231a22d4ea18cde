"""Computed records against written ones: order, copies and batches do not matter, and every change is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.replay.comparison import Comparison, Written
from dataflows.replay.difference import Difference
from dataflows.replay.ranges import Range
from dataflows.replay.records import SLACK, Piece, Record

KEYS = (b"v:A", b"v:B", b"v:C")


def record(offset: int, *, key: bytes | None = None, value: bytes | None = None, timestamp_ms: int = 7) -> Record:
    return Record(offset, key or KEYS[offset % 3], b'{"seq":%d}' % offset if value is None else value, timestamp_ms)


class Topic:
    """Written records, some at a time; ``late`` ones come to those who wait."""

    def __init__(
        self, records: Sequence[Record], *, at_once: int = 4, cut: bool = False, late: Sequence[Record] = ()
    ) -> None:
        self.cut = cut
        written = [Written(at, item) for at, item in enumerate(records)]
        self._lists = [written[at : at + at_once] for at in range(0, len(written), at_once)]
        self._late = [[Written(len(written) + at, item)] for at, item in enumerate(late)]
        self.waits = 0

    def more(self, *, patient: bool) -> list[Written] | None:
        if self._lists:
            return self._lists.pop(0)
        self.waits += patient
        return self._late.pop(0) if patient and self._late else None


def compare(
    expected: Sequence[Record], topic: Topic, range_: Range, *, piece: int = 5, instrument: str | None = None
) -> Comparison:
    comparison = Comparison(range_, topic, instrument)
    for begin in range(range_.begin, range_.end, piece):
        end = min(begin + piece, range_.end)
        comparison.feed(Piece(end, [item for item in expected if begin <= item.offset < end]))
    comparison.finish()
    return comparison


def asked(begin: int, end: int) -> Range:
    """A range whose both ends somebody said."""
    return Range(0, begin, end, 0, whole_head=False, whole_tail=False)


@st.composite
def polls(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """Records of some messages, and the same as a job writes them: poll by poll, in a poll key by key, some twice."""
    offsets = draw(st.lists(st.integers(0, 60), unique=True, min_size=1).map(sorted))
    records = [record(offset) for offset in offsets]
    written: list[Record] = []
    at = 0
    while at < len(records):
        poll = records[at : at + draw(st.integers(1, 20))]
        at += len(poll)
        written += sorted(poll, key=lambda item: item.key)
        written += draw(st.lists(st.sampled_from(written), max_size=2))
    return records, written


@given(case=polls(), piece=st.integers(1, 61), at_once=st.integers(1, 10), begin=st.integers(0, 60))
def test_what_a_job_writes_is_equal_from_anywhere_on(
    case: tuple[list[Record], list[Record]], piece: int, at_once: int, begin: int
) -> None:
    records, written = case
    wanted = [item for item in records if item.offset >= begin]
    comparison = compare(wanted, Topic(written, at_once=at_once), asked(begin, 61), piece=piece)

    assert comparison.first is None
    assert comparison.differences == 0
    copies = sum(item.offset >= begin for item in written) - len(wanted)
    assert comparison.counts == {key: n for key, n in (("equal", len(wanted)), ("copies", copies)) if n}


@given(case=polls(), piece=st.integers(1, 61), at_once=st.integers(1, 10), data=st.data())
def test_every_single_change_is_found(
    case: tuple[list[Record], list[Record]], piece: int, at_once: int, data: st.DataObject
) -> None:
    records, written = case
    victim = data.draw(st.sampled_from(records))
    kind = data.draw(st.sampled_from(("missing", "different", "unexpected")))
    if kind == "missing":
        written = [item for item in written if item != victim]
    elif kind == "different":
        other = data.draw(
            st.sampled_from([victim._replace(value=b"x"), victim._replace(key=b"y"), victim._replace(timestamp_ms=8)])
        )
        written = [other if item == victim else item for item in written]
    else:
        records = [item for item in records if item != victim]
    comparison = compare(records, Topic(written, at_once=at_once), asked(0, 61), piece=piece)

    assert comparison.first is not None
    assert comparison.first.offset == victim.offset
    assert set(comparison.counts) - {"equal", "copies"} == {kind}
    assert comparison.counts["equal"] == len([item for item in records if item != victim])


def test_a_copy_that_differs_is_a_difference() -> None:
    records = [record(offset) for offset in range(10)]
    comparison = compare(records, Topic([*records, record(3, value=b"other")]), asked(0, 10))

    assert comparison.counts == {"equal": 10, "different": 1}
    assert comparison.first == Difference(records[3], record(3, value=b"other"), 10)


def test_the_lowest_offset_is_the_first_difference() -> None:
    records = [record(offset) for offset in range(20)]
    written = [item for item in records if item.offset not in {15, 16}] + [record(2, value=b"x")]
    comparison = compare(records, Topic(written), asked(0, 20))

    assert comparison.first is not None
    assert comparison.first.offset == 2
    assert comparison.differences == 3


def test_a_later_record_of_the_same_instrument_tells_that_one_is_missing_without_reading_on() -> None:
    records = [record(offset) for offset in range(0, 3000, 3)]
    topic = Topic([item for item in records if item.offset != 30], at_once=1)
    comparison = Comparison(asked(0, 3000), topic)
    comparison.feed(Piece(31, [item for item in records if item.offset < 31]))

    assert comparison.counts["missing"] == 1
    assert comparison.reached < 40


def test_a_record_of_a_quiet_instrument_is_missed_once_all_others_are_far_ahead() -> None:
    quiet = record(1, key=b"v:QUIET")
    others = [record(offset, key=b"v:A") for offset in range(0, SLACK + 100, 50) if offset != 1]
    topic = Topic(others, at_once=10)
    comparison = Comparison(asked(0, 2), topic)
    comparison.feed(Piece(2, [others[0], quiet]))

    assert comparison.counts == {"equal": 1, "missing": 1}
    assert topic.waits == 0


def test_the_rest_of_a_poll_that_is_being_written_is_waited_for() -> None:
    records = [record(offset) for offset in range(9)]
    first, second, third = (records[place::3] for place in range(3))
    topic = Topic([*first, *third], late=second)
    comparison = compare(records, topic, Range(0, 0, 9, 0))

    assert comparison.counts == {"equal": 9}
    assert topic.waits > 0


def test_what_is_not_written_yet_is_told_apart_when_nobody_said_how_far_to_compare() -> None:
    records = [record(offset) for offset in range(10)]

    open_end = compare(records, Topic(records[:7]), Range(0, 0, 10, 0))
    assert open_end.counts == {"equal": 7, "not_yet": 3}
    said = compare(records, Topic(records[:7]), asked(0, 10))
    assert said.counts == {"equal": 7, "missing": 3}
    assert said.reached == 6


def test_the_end_is_asked_for_once_and_not_for_each_record_behind_it() -> None:
    topic = Topic([])
    compare([record(offset) for offset in range(100)], topic, Range(0, 0, 100, 0))

    assert topic.waits == 0


def test_what_retention_has_deleted_is_told_apart_when_nobody_said_where_to_begin() -> None:
    records = [record(offset) for offset in range(12)]
    kept = [item for item in sorted(records[:6], key=lambda item: item.key) if item.offset in {1, 4, 2, 5}] + records[
        6:
    ]

    assert compare(records, Topic(kept, cut=True), Range(0, 0, 12, 0)).counts == {"equal": 10, "deleted": 2}
    assert compare(records, Topic(kept, cut=True), asked(0, 12)).counts == {"equal": 10, "missing": 2}
    assert compare(records, Topic(kept), Range(0, 0, 12, 0)).counts == {"equal": 10, "missing": 2}


def test_a_hole_behind_what_was_deleted_is_a_difference_all_the_same() -> None:
    records = [record(offset) for offset in range(30)]
    kept = [item for item in records if item.offset >= 10 and item.offset != 20]

    assert compare(records, Topic(kept, cut=True), Range(0, 0, 30, 0)).counts == {
        "equal": 19,
        "deleted": 10,
        "missing": 1,
    }


def test_one_instrument_is_compared_and_the_others_are_passed_over() -> None:
    records = [record(offset) for offset in range(30)]
    written = [item if item.key == b"v:A" else item._replace(value=b"x") for item in records]
    wanted = [item for item in records if item.key == b"v:A"]

    assert compare(wanted, Topic(written), asked(0, 30), instrument="v:A").counts == {"equal": 10}
    assert compare(wanted, Topic(written), asked(0, 30)).counts == {"equal": 10, "unexpected": 20}


@pytest.mark.parametrize("far", [False, True])
def test_copies_far_behind_are_counted_though_nothing_is_left_to_compare_them_with(far: bool) -> None:
    end = 2 * SLACK if far else SLACK // 2
    records = [record(offset) for offset in range(0, end, 1000)]
    comparison = compare(records, Topic([*records, record(0)], at_once=10), asked(0, end), piece=10_000)

    assert comparison.counts == {"equal": len(records), "far_copies" if far else "copies": 1}
