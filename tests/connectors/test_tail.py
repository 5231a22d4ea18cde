"""What was written before a crash is found again by the raw offsets that it answers to."""

from __future__ import annotations

import pytest

from connectors.outgoing import OutBatch
from connectors.tail import fault_answers_to, record_answers_to, without
from tests.orderbook.feeds import Run, book


def records(*offsets: int) -> OutBatch:
    values: list[bytes | None] = [
        b'{"source":{"topic":"a:7}}","partition":3,"offset":%d},"imbalance_l1":-0.5}' % offset for offset in offsets
    ]
    return OutBatch(3, [b"k"] * len(offsets), values, list(offsets))


def test_a_record_answers_to_its_source_offset() -> None:
    assert [record_answers_to(value, None) for value in records(0, 12345678901).values] == [0, 12345678901]


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"a":"b"}'])
def test_a_foreign_message_answers_to_nothing(value: bytes | None) -> None:
    with pytest.raises(ValueError, match=r"subsection not found|invalid literal"):
        record_answers_to(value, None)


def test_a_fault_that_was_fed_again_answers_to_its_newer_offset() -> None:
    assert fault_answers_to(b"", [("obi.offset", b"3"), ("x", b"y"), ("obi.offset", b"9")]) == 9


def test_what_was_answered_is_left_out_once_and_the_rest_kept_in_order() -> None:
    answered = {4, 6, 9}

    kept = without(records(6, 5, 4, 7), answered, record_answers_to)

    assert (kept.timestamps_ms, kept.keys, kept.partition) == ([5, 7], [b"k", b"k"], 3)
    assert kept.values == records(5, 7).values
    assert answered == {9}


def test_headers_stay_with_their_messages() -> None:
    batch = OutBatch(0, [b"a", b"b"], [b"", b""], [1, 2], [[("obi.offset", b"1")], [("obi.offset", b"2")]])

    assert without(batch, {1}, fault_answers_to) == OutBatch(0, [b"b"], [b""], [2], [[("obi.offset", b"2")]])


def test_a_batch_behind_everything_answered_ends_the_repetition() -> None:
    answered = {4, 6}
    batch = records(7, 8)

    assert without(batch, answered, record_answers_to) is batch
    assert not answered


def test_the_records_of_the_job_say_what_they_answer_to() -> None:
    books = [book([(99.0, 1.0)], [(101.0, 2.0)]), book([], []), book([(99.0, 3.0)], [])]
    run = Run()
    run.feed(*(one._replace(event=one.event._replace(offset=offset)) for offset, one in enumerate(books, 7)))

    assert [record_answers_to(value, None) for value in run.encoded] == [7, 8, 9]
