"""What a user may say of a range, and what does not go together."""

from __future__ import annotations

import pytest

from dataflows.replay.ranges import Wanted, parse_time_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (" 1723132800250 ", 1723132800250),
        ("2024-08-08", 1723075200000),
        ("2024-08-08T16:00:00", 1723132800000),
        ("2024-08-08T16:00:00Z", 1723132800000),
        ("2024-08-08 16:00:00.250z", 1723132800250),
        ("2024-08-08T18:00:00+02:00", 1723132800000),
    ],
)
def test_a_time_is_ms_or_iso_8601(text: str, expected: int) -> None:
    assert parse_time_ms(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "-5", "1.5", "²"])
def test_another_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected ISO 8601 as in 2024-08-08T16:00:00Z, or ms since 1970, received "):
        parse_time_ms(text)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(0, 5, 5),
        Wanted(0, from_offset=5, to_time_ms=3),
        Wanted(from_time_ms=3, to_time_ms=3),
        Wanted(1),
    ],
)
def test_these_go_together(wanted: Wanted) -> None:
    assert wanted.problems() == []


def test_all_that_does_not_go_together_is_told() -> None:
    wanted = Wanted(None, 9, 8, 7, 6)

    assert wanted.problems() == [
        "--from-offset, --to-offset: expected --partition with them (offsets are a partition's own)",
        "--to-offset: expected --from-offset (9) or later, received 8",
        "--to-time: expected --from-time (7) or later, received 6",
        "--from-offset, --from-time: expected one of them, received both",
        "--to-offset, --to-time: expected one of them, received both",
    ]
