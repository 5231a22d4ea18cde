"""The judge itself: each way to be wrong is counted as what it is, and only as that."""

from __future__ import annotations

import pytest

from tests.chaos.judge import Entry, Verdict, compare, ledger

NUMBERS = range(1, 6)


def entries(*numbers: int, stream: bytes = b"a") -> list[Entry]:
    return [Entry(stream, number, b"content %d" % number) for number in numbers]


def verdict(found: list[Entry]) -> Verdict:
    return compare(ledger([*entries(*NUMBERS), *entries(1, 2, stream=b"b")]), found)


def figures(found: list[Entry]) -> tuple[int, int, int, int]:
    made = verdict([*found, *entries(1, 2, stream=b"b")])
    assert made.expected == 7
    return made.lost, made.duplicated, made.different, made.out_of_order


def test_the_same_is_the_same_whatever_the_order_between_streams() -> None:
    both = verdict([*entries(1, stream=b"b"), *entries(*NUMBERS), *entries(2, stream=b"b")])

    assert both == Verdict(7)
    assert both.same


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((1, 2, 4, 5), (1, 0, 0, 0)),
        ((1, 2, 3), (2, 0, 0, 0)),
        ((1, 2, 3, 3, 4, 5), (0, 1, 0, 0)),
        ((1, 2, 3, 1, 2, 3, 4, 5), (0, 3, 0, 0)),
        ((1, 2, 4, 3, 5), (0, 0, 0, 1)),
        ((2, 3, 4, 5, 1), (0, 0, 0, 1)),
        ((1, 2, 3, 4, 5, 6), (0, 0, 1, 0)),
    ],
)
def test_each_fault_of_a_run_is_counted_as_what_it_is(
    found: tuple[int, ...], expected: tuple[int, int, int, int]
) -> None:
    assert figures(entries(*found)) == expected
    assert not verdict([*entries(*found), *entries(1, 2, stream=b"b")]).same


def test_other_bytes_are_different_and_not_lost_also_in_a_copy() -> None:
    wrong = Entry(b"a", 3, b"other")

    assert figures([*entries(1, 2), wrong, *entries(4, 5)]) == (0, 0, 1, 0)
    assert figures([*entries(1, 2, 3), wrong, *entries(4, 5)]) == (0, 1, 1, 0)


def test_equal_copies_are_nothing_to_a_reader_that_drops_them() -> None:
    made = verdict([*entries(1, 2, 3, 1, 2, 3, 4, 5), *entries(1, 2, stream=b"b")])

    assert made.same_without_copies
    assert not made.same


def test_a_stream_of_its_own_is_different() -> None:
    assert figures([*entries(*NUMBERS), *entries(1, stream=b"c")]) == (0, 0, 1, 0)


def test_nothing_expected_is_no_success() -> None:
    assert not compare({}, []).same


def test_the_words_name_what_is_wrong() -> None:
    assert str(verdict([*entries(1, 2, 4, 5), *entries(1, 2, stream=b"b")])) == (
        "7 expected: 1 lost, 0 duplicated, 0 different, 0 out of order\n  lost: a 3"
    )


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1)])
def test_a_run_with_copies_or_without_order_can_not_be_the_judge(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="without disturbances"):
        ledger(entries(*numbers))
