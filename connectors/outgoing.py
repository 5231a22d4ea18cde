"""What goes out to a topic: finished keys and values of one partition, in the order they are to be written.

Owns the shape of the items that travel from the encoders to the sinks, and of one message among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from connectors.raw import Headers


@dataclass(slots=True)
class OutBatch:
    """Messages for one partition; all lists have the same length (``headers`` may be None: no message has any)."""

    partition: int
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    headers: list[Headers] | None = None

    def __len__(self) -> int:
        return len(self.values)


Columns: TypeAlias = tuple[list[bytes | None], list[bytes | None], list[int]]
"""Keys, values and timestamps (ms) of an ``OutBatch``."""


class ByPartition(dict[int, Columns]):
    """What goes to each partition; one that is asked for is there from then on."""

    def __missing__(self, partition: int) -> Columns:
        """Begin with nothing."""
        made = self[partition] = [], [], []
        return made

    def batches(self) -> list[OutBatch]:
        """All of it, by the partitions' numbers."""
        return [OutBatch(partition, *columns) for partition, columns in sorted(self.items())]


class Outgoing(NamedTuple):
    """One message, without its partition and time."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None


Shrink: TypeAlias = Callable[[Outgoing], Outgoing | None]
"""A smaller form of a message that was too large; None when there is none."""
