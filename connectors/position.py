"""Where reading stands in a topic's partitions, and what to say when the broker no longer has what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from connectors.broker import OffsetsLostError

Position: TypeAlias = tuple[tuple[int, int], ...]
"""(partition, offset of the next message to read), sorted by partition."""


def start_position(
    topic: str, there: Mapping[int, tuple[int, int]], known: Mapping[int, int], start: str
) -> dict[int, int]:
    """Where reading starts, as numbers: where the recovery point says, else at the earliest or latest offset.

    Args:
        topic: for the message.
        there: first offset and end by partition, as they are in the broker now.
        known: next offset by partition, of the recovery point.
        start: ``earliest`` or ``latest``.

    Raises:
        OffsetsLostError: the recovery point's offset is before the first one or after the end.
        ValueError: the recovery point has a partition that is not read here.
    """
    if strangers := known.keys() - there.keys():
        raise ValueError(f"expected a recovery point of partitions {sorted(there)}, it has {sorted(strangers)} too")
    gone = {p: (known[p], low, end) for p, (low, end) in there.items() if p in known and not low <= known[p] <= end}
    if gone:
        raise OffsetsLostError(lost(topic, gone))
    return {p: known.get(p, low if start == "earliest" else end) for p, (low, end) in there.items()}


def lost(topic: str, gone: Mapping[int, tuple[int, int | None, int | None]]) -> str:
    """The message of an OffsetsLostError: wanted offset, first and end (None = not known) by partition."""
    lines = []
    for partition, (wanted, low, end) in sorted(gone.items()):
        line = f"partition {partition}: expected to read on at offset {wanted}, received: "
        if low is None or end is None:
            line += "the broker no longer has it"
        elif wanted < low:
            line += f"the earliest is {low}, {low - wanted} offsets were deleted by retention before they were read"
        else:
            line += f"the end is {end}, the topic was made anew or cut"
        lines.append(line)
    return "\n  ".join(
        [
            f"offsets of topic {topic} are lost:",
            *lines,
            "to go on without them, move this shard's folder in the state directory away: it starts anew at the earliest",
            "offset, its books and windows too; a longer retention.ms of the topic keeps this from happening",
        ]
    )
