"""What goes out to a topic: finished keys and values of one partition, in the order they are to be written.

Owns the shape of the items that travel from the encoders to the sinks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
