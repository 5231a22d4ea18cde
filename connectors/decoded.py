"""What decoding gives: per instrument its events in order, and faults.

Owns the shape of the items that travel from decode to the keyed step. Batches, not messages: one ``Group`` per
instrument and poll, and one ``Lot`` of groups per key of that step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt

from connectors.raw import Fault, RawBatch
from orderbook.events import Event, Partial


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


class Columns(Protocol):
    """Partial books of a poll where a kernel put them (``kernels.columns``).

    Attributes:
        names: (instrument, partition) of each group.
    """

    names: list[tuple[str, int]]

    def group(self, number: int, made: type[Partial], /) -> tuple[list[Event], npt.NDArray[np.float64]]:
        """Events and levels of a group."""


@dataclass(slots=True)
class BookGroups:
    """Groups of one poll that were told nothing but partial books, without an object for each message.

    Attributes:
        share: What the decoder was told of their instruments.
        columns: Where they are.
        numbers: Which of the groups there; in the order in which their first books arrived.
        origin: As in ``Group``.
    """

    share: str
    columns: Columns
    numbers: list[int]
    origin: RawBatch

    def group(self, number: int) -> Group:
        """One of them as a group with events."""
        events, levels = self.columns.group(number, Partial)
        return Group(*self.columns.names[number], events, levels, self.origin)

    def groups(self) -> list[Group]:
        """All of them as groups with events."""
        return [self.group(number) for number in self.numbers]


@dataclass(slots=True)
class Lot:
    """Groups of one key of the keyed step that travel together, in their order."""

    items: list[Group | BookGroups]

    def __reduce__(self) -> tuple[object, ...]:
        plain = [item.groups() if isinstance(item, BookGroups) else [item] for item in self.items]
        return (Lot, (list(chain.from_iterable(plain)),))


@dataclass(slots=True)
class Decoded:
    """One poll, decoded. Conservation: len(raw) == number of events and of books in columns + len(faults).

    Attributes:
        groups: Those with events.
        books: Those without, share by share, where the decoder was asked for them.
        faults: What could not be decoded.
    """

    groups: list[Group] = field(default_factory=list)
    books: list[BookGroups] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
