"""A book over time, sampled: one column an interval of market time, with the trades that fell into it. Pure.

Owns what a column shows: the book as the last message of its interval left it. So it depends on the messages alone, not
on how they were cut into batches. Two ways of staying bounded: ``rolling`` forgets the oldest columns (a live view),
else the interval is doubled when there are too many (a picture of everything).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Side: TypeAlias = npt.NDArray[np.float64]
"""Levels, best first; shape (n, 2): price and quantity."""

RESTART_MS: Final = 60_000
"""A clock that goes back by more begins anew (a recording that is fed in a loop); by less it is a late message."""

_NONE: Final[Side] = np.zeros((0, 2))


class Column(NamedTuple):
    """The book at the end of one interval.

    ``offset`` is of the message that left it so; ``known`` is False where the book could not be trusted (it waited for
    a snapshot), and then both sides are empty.
    """

    start_ms: int
    offset: int
    bids: Side
    asks: Side
    known: bool

    @property
    def best_bid(self) -> float | None:
        """Highest bid, None without one."""
        return float(self.bids[0, 0]) if len(self.bids) else None

    @property
    def best_ask(self) -> float | None:
        """Lowest ask, None without one."""
        return float(self.asks[0, 0]) if len(self.asks) else None


class Prints(NamedTuple):
    """The trades of one interval by the side that took: volume in base units, and volume times price."""

    start_ms: int
    bought: float
    bought_notional: float
    sold: float
    sold_notional: float


class Seen(NamedTuple):
    """One book as it comes: its clock, the offset of its message, whether it can be trusted, its row in the levels."""

    clock_ms: int
    offset: int
    known: bool
    row: int


class Traded(NamedTuple):
    """One trade as it comes; ``quantity`` > 0: the buyer took."""

    clock_ms: int
    price: float
    quantity: float


class Timeline:
    """The columns of one book.

    Args:
        step_ms: Length of an interval.
        most: Columns to keep.
        rolling: Whether the oldest are forgotten; else the interval grows.

    Attributes:
        step_ms: Length of an interval now.
        newest_ms: The newest clock seen, 0 before the first.
        begin_ms, end_ms: What is earlier, or later, is left out; no end is None.
    """

    def __init__(self, *, step_ms: int, most: int, rolling: bool) -> None:
        if step_ms < 1 or most < 2:
            raise ValueError(f"expected step_ms of at least 1 and most of at least 2, received {step_ms} and {most}")
        self.step_ms = self._first_step_ms = step_ms
        self.newest_ms = 0
        self.begin_ms = 0
        self.end_ms: int | None = None
        self._most, self._rolling = most, rolling
        self._columns: dict[int, Column] = {}
        self._prints: dict[int, Prints] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def take(self, items: Iterable[Seen | Traded], levels: npt.NDArray[Any]) -> None:
        """Take books and trades in their order; ``levels`` has shape (n, 2, w, 2), absent levels are 0.0."""
        last: dict[int, Seen] = {}
        for item in items:
            if item.clock_ms < self.begin_ms or (self.end_ms is not None and item.clock_ms > self.end_ms):
                continue
            if item.clock_ms < self.newest_ms - RESTART_MS:
                self._restart()
                last.clear()
            self.newest_ms = max(self.newest_ms, item.clock_ms)
            if isinstance(item, Seen):
                last[self.newest_ms] = item
            else:
                self._trade(item)
        for clock_ms, book in last.items():  # in their order: the last of an interval stays
            interval = clock_ms // self.step_ms
            self._columns[interval] = self._column(interval, book, levels)
        self._bound()

    def columns(self, since_ms: int = 0) -> list[Column]:
        """Those that begin at ``since_ms`` or later, in their order."""
        return [column for column in self._columns.values() if column.start_ms >= since_ms]

    def prints(self, since_ms: int = 0) -> list[Prints]:
        """Those of intervals that begin at ``since_ms`` or later, in their order."""
        return [prints for prints in self._prints.values() if prints.start_ms >= since_ms]

    def forget(self) -> None:
        """Begin anew, with no column."""
        self._restart()

    def _restart(self) -> None:
        self._columns.clear()
        self._prints.clear()
        self.step_ms, self.newest_ms = self._first_step_ms, 0

    def _column(self, interval: int, book: Seen, levels: npt.NDArray[Any]) -> Column:
        bids, asks = (_present(side) for side in levels[book.row]) if book.known else (_NONE, _NONE)
        return Column(interval * self.step_ms, book.offset, bids, asks, book.known)

    def _trade(self, trade: Traded) -> None:
        interval = self.newest_ms // self.step_ms
        bought, sold = max(trade.quantity, 0.0), max(-trade.quantity, 0.0)
        new = Prints(interval * self.step_ms, bought, bought * trade.price, sold, sold * trade.price)
        old = self._prints.get(interval)
        self._prints[interval] = new if old is None else _sum(old, new)

    def _bound(self) -> None:
        if self._rolling:
            oldest = self.newest_ms // self.step_ms - self._most
            for intervals in (self._columns, self._prints):
                while intervals and (first := next(iter(intervals))) <= oldest:
                    del intervals[first]
        else:
            while len(self._columns) > self._most or len(self._prints) > self._most:
                self._double()

    def _double(self) -> None:
        self.step_ms *= 2
        columns, prints, self._columns, self._prints = self._columns, self._prints, {}, {}
        for interval, column in columns.items():
            self._columns[interval // 2] = column._replace(start_ms=interval // 2 * self.step_ms)
        for interval, traded in prints.items():
            start = traded._replace(start_ms=interval // 2 * self.step_ms)
            old = self._prints.get(interval // 2)
            self._prints[interval // 2] = start if old is None else _sum(old, start)


def _present(side: Side) -> Side:
    """The levels that are there, as an array of their own: the block that they lie in holds a whole poll."""
    return side[: int(np.count_nonzero(side[:, 0]))].copy()


def _sum(old: Prints, new: Prints) -> Prints:
    return Prints(new.start_ms, *(before + after for before, after in zip(old[1:], new[1:], strict=True)))
