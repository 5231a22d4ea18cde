"""Rows, and the loop that makes one of each depth message.

Owns what a row holds, and how it is put together from where its message stood and what the measurer tells. The loop is here
in plain Python; ``kernels.partials`` has the same compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from kernels import compiled
from orderbook.events import Diff, Event, Partial
from orderbook.flow import PlainFlow
from orderbook.metrics import Block
from orderbook.near import Values
from orderbook.partial_lane import KERNEL as LANE_KERNEL
from orderbook.partial_lane import STALE, PartialLane
from orderbook.record import CROSSED, RESYNCING
from orderbook.windows import SECOND_MS


class Row(NamedTuple):
    """What a record holds beside its stateless metrics, and where its message stood."""

    offset: int
    timestamp_ms: int
    receive_time_ns: int | None
    event_time_ms: int | None
    transaction_time_ms: int | None
    update_id: int | None
    seq: int
    delta_volume: float | None
    trade_delta: float | None
    delta_events: int
    state: int
    gaps: int
    ofi_l1: float | None
    ofi_ew_500ms: float | None
    ofi_ew_2s: float | None
    delta_volume_1s: float | None
    trade_delta_1s: float | None
    trade_count_1s: int
    delta_window_ms: int | None
    delta_truncated: int
    near: Values | None
    """Notionals near mid of a full book, in the record's order; None for a partial book, whose levels tell them."""


Beside: TypeAlias = tuple[float | None, float | None, int, int]
"""Signed trades, those of the last second and their number; gaps of the full book."""


class Caller(Protocol):
    """Whose loop it is: one instrument.

    Attributes:
        alone: Whether the instrument was told nothing but partial books: nothing is ``beside`` them.
    """

    alone: bool

    def hear(self, event: Event, rows: list[Row], before: list[int]) -> None:
        """Take an event that is no partial book, after these rows and predecessors."""

    def beside(self) -> Beside:
        """What is known beside the partial books."""


NOTHING_BESIDE: Final[Beside] = (None, None, 0, 0)
NO_BOOK: Final = frozenset({CROSSED, RESYNCING})
"""States whose books are compared with nothing."""

Run: TypeAlias = tuple[list[Row], list[int], list[int], int]
"""Rows; the place of the book before each (``orderbook.ofi``); the partial books' rows of the block; how many were stale."""


class Loop(Protocol):
    """What ``plain_loop`` is."""

    def __call__(
        self,
        events: Sequence[Event],
        levels: Block,
        lane: PartialLane,
        notices: Counter[str],
        caller: Caller,
        /,
    ) -> Run:
        """Take events in their order."""


_NO_BEST: Final = ((0.0, 0.0), (0.0, 0.0))

_new_tuple: Final = tuple.__new__


def new_row(event: Partial | Diff, told: tuple[object, ...]) -> Row:
    """A row of its parts; ``Row._make`` costs half as much again."""
    return _new_tuple(Row, event[:6] + told)


def told(flow: PlainFlow, state: int, seq: int, beside: Beside, near: Values | None) -> tuple[object, ...]:
    """All of a row but where its message stood."""
    events, second, now_ms = flow.events, flow.second, flow.clock_ms
    delta = delta_1s = ofi = ofi_fast = ofi_slow = None
    if state not in NO_BOOK:
        delta, ofi, ofi_fast, ofi_slow = events.sum(), flow.ofi, flow.ofi_fast, flow.ofi_slow
        delta_1s = second.sum_after(now_ms - SECOND_MS)
    traded, traded_1s, trades_1s, gaps = beside
    since_ms = events.since_ms
    return (
        seq, delta, traded, len(events), state, gaps, ofi, ofi_fast, ofi_slow,
        delta_1s, traded_1s, trades_1s, now_ms - since_ms if since_ms is not None else None, events.cut_off, near,
    )  # fmt: skip


def plain_loop(
    events: Sequence[Event], levels: Block, lane: PartialLane, notices: Counter[str], caller: Caller, /
) -> Run:
    """Take events in their order; ``levels`` is the block that partial books point into."""
    best = levels[:, :, 0].tolist() if levels.shape[2] else [_NO_BEST] * len(levels)
    rows: list[Row] = []
    before: list[int] = []
    kept: list[int] = []
    stale = 0
    for event in events:
        if type(event) is not Partial:
            caller.hear(event, rows, before)
            continue
        state = lane.feed(event, best[event.row], levels, notices)
        if state == STALE:
            stale += 1
            continue
        kept.append(event.row)
        before.append(lane.flow.place)
        if state not in NO_BOOK:
            lane.flow.place = len(rows)
        lane.seq += 1
        beside = NOTHING_BESIDE if caller.alone else caller.beside()
        rows.append(new_row(event, told(lane.flow, state, lane.seq, beside, None)))
    return rows, before, kept, stale


_KERNEL: Final = compiled("partials") if LANE_KERNEL is not None else None
LOOP: Final[Loop] = plain_loop if _KERNEL is None else _KERNEL.Loop(Partial, Row, SECOND_MS)
"""The compiled loop where it was built."""
