"""One instrument, measured: events in, the rows of its records out, all memory in one value.

``Measurer(config, state)`` and ``measurer.state()`` are each other's inverse, so that a crash, a deploy or a replay can
cut the input anywhere and no byte of the output changes. What needs no memory is computed later, for many instruments
at once (``orderbook.metrics``): a row carries its levels, not its metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from orderbook.audit import BookAudit
from orderbook.codec import Reader, Writer
from orderbook.deltas import Window
from orderbook.diff_lane import DiffLane
from orderbook.events import Diff, Event, Partial, Quote, Snapshot
from orderbook.metrics import Block
from orderbook.partial_lane import STALE, PartialLane, stack_levels
from orderbook.presets import MeasureConfig
from orderbook.quotes import QuoteTally
from orderbook.record import CROSSED, RESYNCING
from orderbook.tape import Tape


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


class Measured(NamedTuple):
    """Rows in the order of their messages, the levels of each, and what was counted instead.

    ``books`` has shape (len(rows), 2, w, 2), see ``orderbook.metrics.Block``. ``ignored`` counts messages that are no
    record (``trade``, ``book_ticker``, ``snapshot``, ``stale``), ``notices`` what an operator may want to know (``gap``,
    ``id_reset``, ``trade_other_kind``, ``trade_not_market``, ``audit``, ``audit_repaired``, ``audit_skipped``); a notice
    does not take part in the conservation of messages. ``quotes`` and ``audits`` are how the full book compares with the
    venue's own best prices and with later snapshots.
    """

    rows: list[Row]
    books: Block
    ignored: Counter[str]
    notices: Counter[str]
    quotes: QuoteTally
    audits: list[BookAudit]


class Measurer:
    """All that is remembered of one instrument.

    Args:
        config: What to measure. It may differ from the one that wrote the state: a smaller window drops its oldest events.
        state: What ``state()`` gave, or nothing for a new instrument.

    Raises:
        orderbook.codec.StateError: ``state`` is no state of this version.
    """

    __slots__ = ("_config", "_diffs", "_partials", "_seq", "_tape")

    def __init__(self, config: MeasureConfig, state: bytes = b"") -> None:
        self._config = config
        size = config.delta_volume_window
        self._seq = 0
        self._tape = Tape(size)
        self._partials = PartialLane(config.delta_estimator, Window(size))
        self._diffs: DiffLane | None = None
        if state:
            self._read(Reader(state), size)

    def feed(self, events: Sequence[Event], levels: Block) -> Measured:
        """Take events in their order; ``levels`` is the block that the rows of ``Partial`` events point into."""
        ignored: Counter[str] = Counter()
        notices: Counter[str] = Counter()
        rows: list[Row] = []
        tops: dict[int, tuple[list[float], list[float]]] = {}  # row -> levels of a full book
        kept: list[int] = []  # rows of ``levels``, for the other rows
        bids, asks = (levels[:, side, 0, 0].tolist() if levels.shape[2] else [0.0] * len(levels) for side in (0, 1))
        partials, tape = self._partials, self._tape
        for event in events:
            if isinstance(event, Partial):
                row = event.row
                state = partials.feed(event, bids[row], asks[row], levels, notices)
                if state != STALE:
                    kept.append(row)
                    rows.append(self._row(event, state, partials.window))
                else:
                    ignored["stale"] += 1
            elif isinstance(event, Quote):
                if self._diffs is not None:
                    self._diffs.quote(event)
                ignored["book_ticker"] += 1
            elif isinstance(event, Diff):
                lane = self._diff_lane()
                state = lane.feed(event, notices)
                if state != STALE:
                    tops[len(rows)] = self._top(lane, state)
                    rows.append(self._row(event, state, lane.window))
                else:
                    ignored["stale"] += 1
            elif isinstance(event, Snapshot):
                self._diff_lane().snapshot(event, notices)
                ignored["snapshot"] += 1
            else:
                tape.feed(event, ignored, notices)
        partials.settle()
        diffs = self._diffs
        evidence = (diffs.quotes.take(), diffs.audits.take()) if diffs is not None else (QuoteTally(), [])
        return Measured(rows, _join(levels, kept, tops, len(rows)), ignored, notices, *evidence)

    def state(self) -> bytes:
        """Everything remembered, as a value."""
        out = Writer()
        out.put_int(self._seq)
        self._tape.write(out)
        self._partials.write(out)
        out.put_int(int(self._diffs is not None))
        if self._diffs is not None:
            self._diffs.write(out)
        return out.done()

    def _read(self, state: Reader, size: int) -> None:
        self._seq = state.take_int()
        self._tape = Tape.read(size, state)
        self._partials.read(size, state)
        if state.take_int():
            self._diff_lane().read(size, state)
        state.end()

    def _diff_lane(self) -> DiffLane:
        if self._diffs is None:
            self._diffs = DiffLane(self._config)
        return self._diffs

    def _top(self, lane: DiffLane, state: int) -> tuple[list[float], list[float]]:
        if state == RESYNCING:
            return [], []
        count = self._config.depth_levels
        return lane.book.bids.top(count), lane.book.asks.top(count)

    def _row(self, event: Partial | Diff, state: int, window: Window) -> Row:
        self._seq += 1
        defined = state not in {CROSSED, RESYNCING}
        return Row._make(
            (
                *event[:6],
                self._seq,
                window.sum() if defined else None,
                self._tape.trade_delta(),
                len(window),
                state,
                self._diffs.gaps if self._diffs is not None else 0,
            )
        )


def _join(levels: Block, kept: list[int], tops: dict[int, tuple[list[float], list[float]]], count: int) -> Block:
    """The levels of all rows in their order: those of partial books from the block, those of full books as listed."""
    if not tops:
        return levels if len(kept) == len(levels) else levels[kept]
    full = stack_levels(list(tops.values()))
    if not kept:
        return full
    books = np.zeros((count, 2, max(levels.shape[2], full.shape[2]), 2))
    at_full = np.zeros(count, np.bool_)
    at_full[list(tops)] = True
    books[at_full, :, : full.shape[2]] = full
    books[~at_full, :, : levels.shape[2]] = levels[kept]
    return books
