"""A book over time as a grid, price by time, of the quantity that rested; and the lines drawn over it. Pure.

Owns which prices are shown, how wide a row is (whole ticks, so that no row holds one level more than its neighbour), and
what stands in a cell where no message came: a book holds until the next message, but not for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from consumers.heatmap.timeline import Column, Prints, Timeline

FloatArray: TypeAlias = npt.NDArray[np.float64]

HOLD_MS: Final = 5_000
"""A book without a message for longer than this is not drawn on: the feed may have died."""

_MOST_DECIMALS: Final = 12

_LEAST_TICKS: Final = 20
"""Prices shown beyond the best, at least, as far as levels are known."""


class Grid(NamedTuple):
    """What rested, and where.

    Attributes:
        quantity: Base units; shape (rows, columns), row 0 is the lowest price; 0.0: nothing; NaN: not
            known, because no book was, or because it lies beyond the last level that is kept.
        low: Lower edge of row 0.
        row_height: Prices of a row.
        begin_ms: Left edge of column 0.
        step_ms: Time of a column.
        best_bid, best_ask: Of each column, NaN without.
        offsets: Of the message that left the book of a column so; -1 where nothing is known.
        tick: The smallest distance of two levels seen.
    """

    quantity: FloatArray
    low: float
    row_height: float
    begin_ms: int
    step_ms: int
    best_bid: FloatArray
    best_ask: FloatArray
    offsets: npt.NDArray[np.int64]
    tick: float

    @property
    def high(self) -> float:
        """Upper edge of the last row."""
        return self.low + self.row_height * len(self.quantity)

    @property
    def end_ms(self) -> int:
        """Right edge of the last column."""
        return self.begin_ms + self.step_ms * len(self.offsets)

    def colour_range(self) -> tuple[float, float]:
        """Quantities between which colours should differ: the rare extremes at both ends share theirs."""
        resting = self.quantity[self.quantity > 0.0]
        if not len(resting):
            return 0.5, 1.0
        low, high = np.percentile(resting, (5, 99.5)).tolist()
        return (low, high) if high > low else (low / 2, low)


class Marks(NamedTuple):
    """Points over a grid: times (ms), prices and sizes (base units)."""

    times_ms: FloatArray
    prices: FloatArray
    quantities: FloatArray

    @classmethod
    def none(cls) -> Marks:
        """No points."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0))


def paint(timeline: Timeline, *, begin_ms: int, end_ms: int, most_rows: int, most_columns: int) -> Grid | None:
    """The grid of the columns from ``begin_ms`` to before ``end_ms``; None when no level is known there.

    Several intervals of the timeline share a column when there are more than ``most_columns``; the last one is shown.
    """
    per = -(-max(1, -(-(end_ms - begin_ms) // timeline.step_ms)) // most_columns)
    step_ms = per * timeline.step_ms
    first = begin_ms // step_ms
    count = max(1, -(-end_ms // step_ms) - first)
    held = _held(timeline.columns(first * step_ms - HOLD_MS), first, count, step_ms)
    shown = [column for column in held if column is not None]
    levels = _flat(held)
    if not len(levels.prices):
        return None
    tick = _tick(levels.prices)
    low, high = _range(shown, tick)
    row_height = tick * max(1, int(np.ceil((high - low) / tick / most_rows)))
    # Edges lie half a tick beside the levels, so that rounding moves none into the next row.
    phase = float(levels.prices[0]) % tick
    phase = 0.0 if tick - phase < phase * 1e-6 else phase
    low = np.floor((low - phase) / row_height + 1e-6) * row_height + phase - tick / 2
    rows = max(1, int(np.ceil((high + tick / 2 - low) / row_height - 1e-6)))
    summed = _cells(held, levels, low, row_height, rows)
    return Grid(
        summed,
        float(low),
        float(row_height),
        first * step_ms,
        step_ms,
        _best(held, "best_bid"),
        _best(held, "best_ask"),
        np.array([-1 if column is None else column.offset for column in held], np.int64),
        float(tick),
    )


def large_orders(timeline: Timeline, grid: Grid, share: float, depth: int) -> Marks:
    """Where an order became large: a level that holds more than ``share`` of the best ``depth`` levels of both sides.

    It is marked once, at the first column of the grid in which it does so; not at the best prices, where much comes and
    goes.
    """
    times: list[float] = []
    prices: list[float] = []
    quantities: list[float] = []
    before: set[float] = set()
    for column in _held(
        timeline.columns(grid.begin_ms), grid.begin_ms // grid.step_ms, len(grid.offsets), grid.step_ms
    ):
        if column is None:
            before = set()
            continue
        levels = np.concatenate([column.bids[:depth], column.asks[:depth]])
        large = levels[levels[:, 1] > share * levels[:, 1].sum()]
        for price, quantity in large.tolist():
            if price not in before and price not in {column.best_bid, column.best_ask}:
                times.append(column.start_ms)
                prices.append(price)
                quantities.append(quantity)
        before = set(large[:, 0].tolist())
    return Marks(*(np.array(values, np.float64) for values in (times, prices, quantities)))


def trades(prints: Sequence[Prints], step_ms: int) -> tuple[Marks, Marks]:
    """What buyers took and what sellers took in each interval, at the average price, in the middle of the interval."""
    bought = [(p.start_ms + step_ms / 2, p.bought_notional / p.bought, p.bought) for p in prints if p.bought > 0.0]
    sold = [(p.start_ms + step_ms / 2, p.sold_notional / p.sold, p.sold) for p in prints if p.sold > 0.0]
    first, second = (Marks(*np.array(points, np.float64).reshape(-1, 3).T) for points in (bought, sold))
    return first, second


def _held(columns: Sequence[Column], first: int, count: int, step_ms: int) -> list[Column | None]:
    """A column for each interval: the last that began in it, else the one before for a while, else None."""
    held: list[Column | None] = [None] * count
    latest: Column | None = None
    at = 0
    for column in columns:
        index = column.start_ms // step_ms - first
        if index >= count:
            break
        for gap in range(at, index):
            held[gap] = _still(latest, (first + gap) * step_ms)
        latest, at = column, max(index, 0)
    if latest is not None:
        for gap in range(at, count):
            held[gap] = _still(latest, (first + gap) * step_ms)
    return held


def _still(column: Column | None, now_ms: int) -> Column | None:
    return column if column is not None and column.known and now_ms - column.start_ms <= HOLD_MS else None


class _Levels(NamedTuple):
    """All levels of all columns; ``columns`` has the number of the column of each."""

    prices: FloatArray
    quantities: FloatArray
    columns: npt.NDArray[np.int64]


def _flat(held: Sequence[Column | None]) -> _Levels:
    sides = [(at, side) for at, column in enumerate(held) if column is not None for side in (column.bids, column.asks)]
    if not sides:
        return _Levels(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    levels = np.concatenate([side for _, side in sides])
    at = np.repeat([at for at, _ in sides], [len(side) for _, side in sides])
    return _Levels(levels[:, 0], levels[:, 1], at)


def _cells(held: Sequence[Column | None], levels: _Levels, low: float, row_height: float, rows: int) -> FloatArray:
    """The levels summed by row and column; NaN where no book is known, and beyond its last level."""
    count = len(held)
    at = levels.columns
    row = np.floor((levels.prices - low) / row_height).astype(np.int64)
    inside = (row >= 0) & (row < rows)
    cells = np.zeros(rows * count)
    np.add.at(cells, row[inside] * count + at[inside], levels.quantities[inside])
    out = cells.reshape(rows, count)
    lowest, highest = np.full(count, rows), np.full(count, -1)
    np.minimum.at(lowest, at, row)
    np.maximum.at(highest, at, row)
    for index, column in enumerate(held):  # an empty side of a known book: nothing rests there, to the end
        if column is not None and not len(column.bids):
            lowest[index] = 0
        if column is not None and not len(column.asks):
            highest[index] = rows
    numbers = np.arange(rows)[:, None]
    out[(numbers < lowest) | (numbers > highest)] = np.nan
    return out


def _tick(prices: FloatArray) -> float:
    """The largest step that all prices are whole multiples of, from the smallest on; as decimals, which they came as."""
    known = np.unique(prices)
    if len(known) < 2:
        return float(known[0]) * 1e-4
    for decimals in range(_MOST_DECIMALS):
        scaled = known * 10.0**decimals
        whole = np.rint(scaled)
        if np.all(np.abs(scaled - whole) <= scaled * 1e-9):
            return int(np.gcd.reduce(np.diff(whole.astype(np.int64)))) / 10.0**decimals
    return float(np.diff(known).min())


def _range(columns: Sequence[Column], tick: float) -> tuple[float, float]:
    """Lowest and highest price to show: all best prices, and beyond them as much again, as far as levels are known."""
    bids = [column.bids[:, 0] for column in columns if len(column.bids)]
    asks = [column.asks[:, 0] for column in columns if len(column.asks)]
    bests = [float(side[0]) for side in (*bids, *asks)]
    low, high = min(bests), max(bests)
    margin = max((high - low) / 2, _LEAST_TICKS * tick)
    below = float(np.median([side[0] - side[-1] for side in bids])) if bids else 0.0
    above = float(np.median([side[-1] - side[0] for side in asks])) if asks else 0.0
    return low - min(margin, below), high + min(margin, above)


def _best(held: Sequence[Column | None], name: str) -> FloatArray:
    values: list[Any] = [None if column is None else getattr(column, name) for column in held]
    return np.array([np.nan if value is None else value for value in values], np.float64)
