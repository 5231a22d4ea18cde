"""One instrument, measured: events in, the rows of its records out, all memory in one value.

``Measurer(config, state)`` and ``measurer.state()`` are each other's inverse, so that a crash, a deploy or a replay can
cut the input anywhere and no byte of the output changes. What needs no memory is computed later, for many instruments
at once (``orderbook.metrics``): a row carries its levels, not its metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import nan
from typing import Final, NamedTuple

import numpy as np

from orderbook.audit import BookAudit
from orderbook.codec import Reader, Writer, new_writer
from orderbook.diff_lane import DiffLane
from orderbook.events import Diff, Event, Quote, Snapshot, Trade
from orderbook.flow import KERNEL, new_flow, resume
from orderbook.metrics import Block
from orderbook.near import NOTHING
from orderbook.ofi import BEFORE_FULL, BEFORE_PARTIAL, LEVELS, Carried
from orderbook.partial_lane import KERNEL as LANE_KERNEL
from orderbook.partial_lane import NO_LEVELS, STALE, PartialLane, new_lane, read_lane, stack_levels, write_lane
from orderbook.presets import MeasureConfig
from orderbook.quotes import QuoteTally
from orderbook.record import RESYNCING
from orderbook.rows import LOOP, NO_BOOK, Beside, Loop, Row, new_row, plain_loop, told
from orderbook.tape import Tape

_NO_QUOTES: Final = QuoteTally()
_new_tuple: Final = tuple.__new__
_NOTHING: Final[Counter[str]] = Counter()


class Measured(NamedTuple):
    """Rows in the order of their messages, the levels of each, and what was counted instead.

    ``books`` has shape (len(rows), 2, w, 2), see ``orderbook.metrics.Block``; ``before`` tells for each the book that it is
    compared with, ``carried`` those of earlier batches (``orderbook.ofi.predecessors`` takes both). ``ignored`` counts
    messages that are no record (``trade``, ``book_ticker``, ``snapshot``, ``stale``), ``notices`` what an operator may want
    to know (``gap``, ``id_reset``, ``clock_reset``, ``trade_other_kind``, ``trade_not_market``, ``audit``,
    ``audit_repaired``, ``audit_skipped``); a notice does not take part in the conservation of messages. ``quotes`` and
    ``audits`` are how the full book compares with the venue's own best prices and with later snapshots.
    """

    rows: list[Row]
    books: Block
    before: list[int]
    carried: Carried
    ignored: Counter[str]
    notices: Counter[str]
    quotes: QuoteTally
    audits: list[BookAudit]


class Measurer:
    """All that is remembered of one instrument.

    Args:
        config: What to measure. It may differ from the one that wrote the state: a smaller window drops its oldest events.
        state: What ``state()`` gave, or nothing for a new instrument.
        loop: Compiled where that was built, or ``orderbook.rows.plain_loop``: the same rows.

    Raises:
        orderbook.codec.StateError: ``state`` is no state of this version.
    """

    __slots__ = (
        "_compared",
        "_config",
        "_contract_size",
        "_counters",
        "_diffs",
        "_kernel",
        "_lane_kernel",
        "_loop",
        "_partials",
        "_tape",
        "_tops",
        "alone",
    )

    def __init__(self, config: MeasureConfig, state: bytes = b"", *, loop: Loop = LOOP) -> None:
        self._config = config
        self._compared = min(config.depth_levels, LEVELS)  # levels of a book that its successor can be compared with
        self._loop = loop
        size = config.delta_volume_window
        self._contract_size: float | None = None
        self._counters: tuple[Counter[str], Counter[str]] = Counter(), Counter()  # ignored, notices
        self.alone = True
        self._tape = Tape(size)
        plain = loop is plain_loop  # which goes with plain lanes
        self._kernel = None if plain else KERNEL
        self._lane_kernel = None if plain else LANE_KERNEL
        self._partials = new_lane(new_flow(config, self._kernel), self._lane_kernel)
        self._diffs: DiffLane | None = None
        self._tops: dict[int, tuple[list[float], list[float]]] = {}  # row of this batch -> levels of a full book
        if state:
            self._read(Reader(state), size)

    def feed(self, events: Sequence[Event], levels: Block, contract_size: float | None = None) -> Measured:
        """Take events in their order.

        Args:
            events: What the instrument is told.
            levels: The block that the rows of ``Partial`` events point into.
            contract_size: Value of one contract; None where quantities are base units. Always the same.
        """
        self._contract_size = contract_size
        ignored, notices = self._counters
        partials, diffs = self._partials, self._diffs
        carried = partials.carried, diffs.levels if diffs is not None else NO_LEVELS
        rows, before, kept, stale = self._loop(events, levels, partials, notices, self)
        books = levels if len(kept) == len(levels) and not self._tops else _join(levels, kept, self._tops, len(rows))
        partials.settle()
        if not self.alone:
            self._settle()
        if stale:
            ignored["stale"] += stale
        if ignored or notices:
            self._counters = Counter(), Counter()
        else:  # most batches count nothing, and counters are dear
            ignored = notices = _NOTHING
        diffs = self._diffs
        quotes, audits = (_NO_QUOTES, []) if diffs is None else (diffs.quotes.take(), diffs.audits.take())
        return _new_tuple(Measured, (rows, books, before, carried, ignored, notices, quotes, audits))

    def lane(self, contract_size: float | None) -> PartialLane | None:
        """The compiled lane of an instrument that was told nothing but partial books, for ``orderbook.meters``; else None."""
        if not self.alone or self._lane_kernel is None:
            return None
        self._partials.contract_size = nan if contract_size is None else contract_size
        return self._partials

    def hear(self, event: Event, rows: list[Row], before: list[int]) -> None:
        """Take anything but a partial book (of the loop)."""
        self.alone = False
        ignored, notices = self._counters
        if type(event) is Diff:
            lane = self._diff_lane()
            state = lane.feed(event, notices)
            if state == STALE:
                ignored["stale"] += 1
                return
            self._tops[len(rows)] = self._top(lane, state)
            before.append(lane.flow.place)
            near = NOTHING
            if state not in NO_BOOK:
                lane.flow.place = len(rows)
                near = lane.near.values
            self._partials.seq += 1
            rows.append(new_row(event, told(lane.flow, state, self._partials.seq, self.beside(), near)))
        elif type(event) is Trade:
            self._tape.feed(event, ignored, notices)
        elif type(event) is Quote:
            if self._diffs is not None:
                self._diffs.quote(event)
            ignored["book_ticker"] += 1
        elif type(event) is Snapshot:
            self._diff_lane().snapshot(event, notices)
            ignored["snapshot"] += 1

    def state(self) -> bytes:
        """Everything remembered, as a value."""
        return self._state(whole=True)

    def base(self) -> bytes:
        """All levels of the full book, of which ``changes`` need not speak from now on; b"" without a full book."""
        lane = self._diffs
        if lane is None:
            return b""
        out = self._writer()
        lane.base.take(out, lane.audits)
        return out.done()

    def changes(self) -> tuple[bytes, bool]:
        """What is remembered beside the base, and whether that belongs behind it: together they are a state."""
        lane = self._diffs
        return self._state(whole=False), lane is not None and lane.base.number is not None

    def _state(self, *, whole: bool) -> bytes:
        out = self._writer()
        out.put_int(self._partials.seq, self._compared)
        self._tape.write(out)
        out.put_int(int(self._partials.begun))
        if self._partials.begun:
            write_lane(out, self._partials)
        out.put_int(int(self._diffs is not None))
        if self._diffs is not None:
            self._diffs.write(out, whole=whole)
        return out.done()

    def _writer(self) -> Writer:
        return new_writer() if self._kernel is not None else new_writer(None)

    def _read(self, state: Reader, size: int) -> None:
        self._partials.seq = state.take_int()
        comparable = state.take_int() >= self._compared
        self._tape = Tape.read(size, state)
        if state.take_int():
            read_lane(state, self._partials)
            resume(self._partials.flow, BEFORE_PARTIAL, comparable=comparable)
        if state.take_int():
            lane = self._diff_lane()
            lane.read(state)
            resume(lane.flow, BEFORE_FULL, comparable=comparable)
        state.end()
        self.alone = self._diffs is None and not self._tape.seen

    def _diff_lane(self) -> DiffLane:
        if self._diffs is None:
            self._diffs = DiffLane(self._config, kernel=self._kernel)
        self._diffs.near.contract_size = self._contract_size
        return self._diffs

    def _settle(self) -> None:
        """What the rows of this batch that are no partial books are to the books of the next."""
        lane = self._diffs
        if lane is not None and lane.flow.place != BEFORE_FULL:
            lane.levels = NO_LEVELS
            if lane.flow.place >= 0:
                lane.levels = stack_levels([self._tops[lane.flow.place]])[:, :, :LEVELS]
                lane.flow.place = BEFORE_FULL
        if self._tops:
            self._tops = {}

    def _top(self, lane: DiffLane, state: int) -> tuple[list[float], list[float]]:
        if state == RESYNCING:
            return [], []
        count = self._config.depth_levels
        return lane.book.bids.top(count), lane.book.asks.top(count)

    def beside(self) -> Beside:
        """What there is beside partial books: trades and the full book's gaps."""
        tape, diffs = self._tape, self._diffs
        gaps = diffs.gaps if diffs is not None else 0
        return (*tape.told(self._newest_ms()), gaps) if tape.seen else (None, None, 0, gaps)

    def _newest_ms(self) -> int:
        """The instrument's clock: the newest of those of its trades and its books."""
        books_ms = self._partials.flow.clock_ms
        if self._diffs is not None:
            books_ms = max(books_ms, self._diffs.flow.clock_ms)
        return max(books_ms, self._tape.clock_ms)


def _join(levels: Block, kept: list[int], tops: dict[int, tuple[list[float], list[float]]], count: int) -> Block:
    """The levels of all rows in their order: those of partial books from the block, those of full books as listed."""
    if not tops:
        return levels[kept]
    full = stack_levels(list(tops.values()))
    if not kept:
        return full
    books = np.zeros((count, 2, max(levels.shape[2], full.shape[2]), 2))
    at_full = np.zeros(count, np.bool_)
    at_full[list(tops)] = True
    books[at_full, :, : full.shape[2]] = full
    books[~at_full, :, : levels.shape[2]] = levels[kept]
    return books
