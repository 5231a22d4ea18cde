"""Raw messages as they lie in a topic or a recording, in columns, and the faults that they may turn into.

Owns the two shapes at the door: ``RawBatch`` (one poll, nothing decoded yet) and ``Fault`` (a message that could not be
used, whole, with the reason).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

Headers: TypeAlias = list[tuple[str, bytes]]
"""Kafka headers in their order; a name may occur more than once (the last one counts)."""

FAULT_REASONS: Final = (
    "not_json",
    "unknown_stream",
    "ambiguous_depth",
    "missing_field",
    "bad_number",
    "negative_quantity",
    "unsorted_levels",
    "too_many_levels",
    "oversize",
    "symbol_mismatch",
    "offsets_lost",
    "partition_moved",
)
"""All the reasons that a fault record can carry."""


@dataclass(slots=True)
class RawBatch:
    """Messages of one poll, column by column; all lists have the same length.

    Order matters only inside a partition. ``timestamps_ms`` are Kafka's (broker's or producer's). ``lost`` has a fault for
    each stretch of messages that the topic no longer had; they are not among the messages.
    """

    topic: str
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers | None] = field(default_factory=list)
    lost: list[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    def append(
        self,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = 0,
        offset: int = 0,
        timestamp_ms: int = 0,
    ) -> None:
        """Add one message (for readers that meet messages one at a time, and for tests)."""
        self.partitions.append(partition)
        self.offsets.append(offset)
        self.timestamps_ms.append(timestamp_ms)
        self.keys.append(key)
        self.values.append(value)
        self.headers.append(headers)

    def fault(self, index: int, reason: str, detail: str) -> Fault:
        """Message ``index`` as a fault with ``reason`` (one of FAULT_REASONS)."""
        return Fault(
            reason,
            detail,
            self.topic,
            self.partitions[index],
            self.offsets[index],
            self.timestamps_ms[index],
            self.keys[index],
            self.values[index],
            self.headers[index],
        )

    def find(self, partition: int, offset: int) -> int:
        """Index of the message at ``offset`` of ``partition``; ValueError when it is not in this batch."""
        for index, (p, o) in enumerate(zip(self.partitions, self.offsets, strict=True)):
            if p == partition and o == offset:
                return index
        raise ValueError(f"expected offset {offset} of partition {partition} in this batch, it is not there")

    def only(self, partition: int, offsets: set[int]) -> RawBatch:
        """The messages of ``partition`` at ``offsets`` as a batch of their own."""
        keep = [
            i
            for i, (p, o) in enumerate(zip(self.partitions, self.offsets, strict=True))
            if p == partition and o in offsets
        ]
        return RawBatch(
            self.topic,
            [self.partitions[i] for i in keep],
            [self.offsets[i] for i in keep],
            [self.timestamps_ms[i] for i in keep],
            [self.keys[i] for i in keep],
            [self.values[i] for i in keep],
            [self.headers[i] for i in keep],
        )


@dataclass(slots=True, frozen=True)
class Fault:
    """A raw message that could not be used: the original, where it stood, and why.

    ``reason`` is one of FAULT_REASONS; ``detail`` says what was expected and what came.
    """

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None
