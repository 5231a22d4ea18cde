"""Where reading stands in a topic's partitions, and what to say when the broker no longer has what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from connectors.broker import OffsetsLostError

Position: TypeAlias = tuple[tuple[int, int], ...]
"""(partition, offset of the next message to read), sorted by partition."""


def start_position(there: Mapping[int, tuple[int, int]], known: Mapping[int, int], start: str) -> dict[int, int]:
    """Where reading starts, as numbers: where it is known, else at the earliest or latest offset.

    Args:
        there: first offset and end by partition, as they are in the broker now.
        known: next offset by partition, of a recovery point or the state's beginning; it may be gone.
        start: ``earliest`` or ``latest``.

    Raises:
        ValueError: the recovery point has a partition that is not read here.
    """
    if strangers := known.keys() - there.keys():
        raise ValueError(f"expected a recovery point of partitions {sorted(there)}, it has {sorted(strangers)} too")
    return {p: known.get(p, low if start == "earliest" else end) for p, (low, end) in there.items()}


def gone(there: Mapping[int, tuple[int, int]], wanted: Mapping[int, int]) -> dict[int, tuple[int, int, int]]:
    """By partition (wanted offset, first, end), where the wanted offset is before the first one or after the end."""
    return {p: (wanted[p], low, end) for p, (low, end) in there.items() if not low <= wanted[p] <= end}


def lost(topic: str, gone: Mapping[int, tuple[int, int, int]]) -> OffsetsLostError:
    """The error that says what is lost: wanted offset, first and end by partition."""
    lines = []
    for partition, (wanted, low, end) in sorted(gone.items()):
        line = f"partition {partition}: expected to read on at offset {wanted}, received: "
        if wanted < low:
            line += f"the earliest is {low}, {low - wanted} messages were deleted by retention before they were read"
        else:
            line += f"the end is {end}, the topic was made anew or cut"
        lines.append(line)
    do = ""
    if any(wanted < low for wanted, low, _ in gone.values()):
        do = (
            "to go on without them: obi run --accept-loss (one offsets_lost fault a partition, and full books resync); "
        )
    if any(wanted > end for wanted, _, end in gone.values()):
        do += "a state of another topic: move its folder in the state directory away, and start with --new-generation; "
    do += "a longer retention.ms of the topic keeps this from happening"
    return OffsetsLostError("\n  ".join([f"offsets of topic {topic} are lost:", *lines, do]))
