"""From messages in arrival order to one group per instrument and partition.

Owns the order of events, and the one block of levels that all partial books of a poll share: each group's ``levels`` is
a slice of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from connectors.decode_plain import PartialDraft
from connectors.decoded import Group
from connectors.raw import RawBatch
from orderbook.events import Event, Partial

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(slots=True)
class PartialRows:
    """Partial books in columns, in arrival order.

    Attributes:
        indexes: The message of each.
        fields: One column for each field of ``Partial`` before ``row``.
        levels: float64, shape (n, 2, w, 2), as in ``Group``.
    """

    indexes: list[int]
    fields: tuple[list[Any], ...]
    levels: Floats


@dataclass(slots=True)
class Poll:
    """What became of the messages of one poll so far; the lists have the poll's length.

    Attributes:
        slots: Number of the message's (instrument, partition), in the order of ``groups``; -1 without an event.
        events: The message's event; None for none, and for partial books until ``build_groups``.
        groups: (instrument, partition) to slot number.
        rows: The partial books, from as many passes as there were.
    """

    slots: list[int]
    events: list[Event | None]
    groups: dict[tuple[str, int], int] = field(default_factory=dict)
    rows: list[PartialRows] = field(default_factory=list)

    @classmethod
    def of(cls, size: int) -> Poll:
        """A poll of ``size`` messages of which nothing is known."""
        return cls([-1] * size, [None] * size)


def rows_of(drafts: dict[int, PartialDraft]) -> PartialRows:
    """Drafts by message index, which rises, as rows."""
    width = max(1, *(len(side) for draft in drafts.values() for side in (draft.bids, draft.asks)))
    levels = np.zeros((len(drafts), 2, width, 2))
    for row, draft in enumerate(drafts.values()):
        for side, pairs in enumerate((draft.bids, draft.asks)):
            if pairs:
                levels[row, side, : len(pairs)] = pairs
    fields: tuple[list[Any], ...] = tuple(map(list, zip(*drafts.values(), strict=True)))[:6]
    return PartialRows(list(drafts), fields, levels)


def build_groups(raw: RawBatch, poll: Poll) -> list[Group]:
    """The groups, in the order in which their first events arrived; completes ``poll.events``."""
    starts, block = _place_partials(poll)
    events: list[list[Event]] = [[] for _ in poll.groups]
    for slot, event in zip(poll.slots, poll.events, strict=True):
        if event is not None:
            events[slot].append(event)
    names = list(poll.groups)
    return [
        Group(*names[slot], events[slot], block[starts[slot] : starts[slot + 1]], raw)
        for slot in dict.fromkeys(poll.slots)
        if slot >= 0
    ]


def _place_partials(poll: Poll) -> tuple[list[int], Floats]:
    """Make the partial books' events; returns each group's first row (and the end) and the block, group by group."""
    width = max((rows.levels.shape[2] for rows in poll.rows), default=1)
    indexes = np.array([index for rows in poll.rows for index in rows.indexes], dtype=np.intp)
    slots = np.array([poll.slots[index] for index in indexes.tolist()], dtype=np.intp)
    starts = np.concatenate(([0], np.cumsum(np.bincount(slots, minlength=len(poll.groups)))))
    place = np.empty_like(indexes)
    place[np.lexsort((indexes, slots))] = np.arange(len(indexes))
    in_group = place - starts[slots]
    block = np.zeros((len(indexes), 2, width, 2))
    done = 0
    for rows in poll.rows:
        mine = slice(done, done + len(rows.indexes))
        done += len(rows.indexes)
        block[place[mine], :, : rows.levels.shape[2]] = rows.levels
        columns = zip(*rows.fields, in_group[mine].tolist(), strict=True)
        # NamedTuple's own constructor costs three times as much, and this is the one place that makes thousands.
        made: Iterator[Partial] = map(tuple.__new__, repeat(Partial), columns)
        for index, event in zip(rows.indexes, made, strict=True):
            poll.events[index] = event
    return starts.tolist(), block
