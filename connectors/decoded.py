"""What decoding gives: per instrument its events in order, and faults.

Owns the shape of the items that travel from decode to the keyed step. Batches, not messages: one ``Group`` per
instrument and poll, and one ``Lot`` of groups per key of that step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from connectors.raw import Fault, RawBatch
from orderbook.events import Event


@dataclass(slots=True)
class Group:
    """One instrument's events of one poll, all from one partition, in the partition's order.

    Attributes:
        instrument: ``venue:symbol``, e.g. ``binance-usdm:BTCUSDT``.
        levels: float64, shape (n, 2, w, 2): for each ``Partial`` (its ``row``) side (bid, ask), level (best first), price and
            quantity; absent levels are 0.0. w is at most ``depth_levels``.
        origin: The batch the events were decoded from, kept so that an event can still become a fault; only the messages that
            belong to this group travel between processes.
    """

    instrument: str
    partition: int
    events: list[Event]
    levels: npt.NDArray[np.float64]
    origin: RawBatch

    def __reduce__(self) -> tuple[object, ...]:
        origin = self.origin.only(self.partition, {event.offset for event in self.events})
        return (Group, (self.instrument, self.partition, self.events, self.levels, origin))


@dataclass(slots=True)
class Lot:
    """Groups of one poll that travel together, in their order."""

    groups: list[Group]


@dataclass(slots=True)
class Decoded:
    """One poll, decoded. Conservation: len(raw) == number of events + len(faults)."""

    groups: list[Group] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
