from __future__ import annotations

import pytest

from connectors.position import gone, lost, start_position

TOPIC = "depth.raw"


def test_unknown_partitions_start_where_they_are_told() -> None:
    there = {0: (5, 9), 1: (0, 3)}
    assert start_position(there, {}, "earliest") == {0: 5, 1: 0}
    assert start_position(there, {}, "latest") == {0: 9, 1: 3}
    assert start_position(there, {0: 9}, "earliest") == {0: 9, 1: 0}


def test_offsets_that_are_gone_are_told_with_what_to_do() -> None:
    missing = gone({0: (5, 9), 1: (0, 3), 2: (0, 1)}, {0: 2, 1: 4, 2: 1})
    text = str(lost(TOPIC, missing))
    assert "partition 0: expected to read on at offset 2, received: the earliest is 5, 3 messages were deleted" in text
    assert "partition 1: expected to read on at offset 4, received: the end is 3" in text
    assert "partition 2" not in text
    assert "obi run --accept-loss" in text
    assert "--new-generation" in text


def test_a_recovery_point_of_other_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a recovery point of partitions \[0\], it has \[7\] too"):
        start_position({0: (0, 1)}, {7: 1}, "earliest")
