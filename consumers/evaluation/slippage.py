"""The spread against what takers really paid: trades beside the book that was known before them.

Owns the joining of executions to orders (same instrument, time and side) and of orders to the newest book before them.
Slippage is the distance from that book's mid to the order's average price, in basis points, positive when it cost; half the
spread is what it costs where an order meets only the best price. What is left of it after the mid has moved is the
maker's (realised spread), the rest is the price's own move (impact).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from consumers.evaluation.bootstrap import MIN_BLOCKS, Estimate, block_length, resample
from consumers.evaluation.costs import SPREAD
from consumers.evaluation.labels import late_ms
from consumers.evaluation.series import Floats, Series

LATER_S: Final = 5.0
_SIZES: Final = (0.0, 0.5, 0.9, 0.99, 1.0)
_MIN_ORDERS: Final = 100


class Execution(NamedTuple):
    """One trade: the exchange's time in ms, price, and quantity (positive: the buyer took)."""

    time_ms: int
    price: float
    quantity: float


@dataclass(frozen=True)
class Slippage:
    """Of the orders between two quantiles of size, in basis points; means over orders."""

    instrument: str
    sizes: str
    orders: int
    quantity: float
    half_spread_bps: float
    slippage_bps: float
    realised_bps: float | None
    difference: Estimate | None
    """Slippage less half the spread; of all orders only, and None with too few that are independent."""


def slippage(series: Series, executions: Sequence[Execution], *, level: float, seed: int) -> list[Slippage]:
    """All orders, then by their size; nothing when fewer than 100 orders met a known book."""
    if not executions:
        return []
    time, side, quantity, price = _orders(executions)
    rows = np.flatnonzero(np.isfinite(series.mid) & np.isfinite(series.features[SPREAD]))
    book = np.maximum.accumulate(series.book_ms[rows])
    before = np.searchsorted(book, time, side="left") - 1
    fresh = (before >= 0) & (time - book[np.maximum(before, 0)] <= late_ms(series))
    if fresh.sum() < _MIN_ORDERS:
        return []
    time, side, quantity, price = (values[fresh] for values in (time, side, quantity, price))
    before = before[fresh]
    mid = series.mid[rows][before]
    half = series.features[SPREAD][rows][before] * 50
    paid = side * (price - mid) / mid * 1e4
    after = np.searchsorted(book, time + LATER_S * 1000, side="left")
    later = np.where(after < len(rows), series.mid[rows][np.minimum(after, len(rows) - 1)], np.nan)
    realised = side * (price - later) / mid * 1e4
    whole = _slippage(series.instrument, "all", quantity=quantity, half=half, paid=paid, realised=realised)
    difference = paid - half
    sums = np.column_stack([difference, np.ones(len(paid))])
    found = resample(sums, lambda sums: sums[..., :1] / sums[..., 1:], block_length(difference, 1), seed)
    parts = [replace(whole, difference=found.estimate(0, level) if found.blocks >= MIN_BLOCKS else None)]
    edges = np.quantile(quantity, _SIZES)
    for low, high, edge, least in zip(_SIZES, _SIZES[1:], edges[1:], edges, strict=False):
        chosen = (quantity > least) & (quantity <= edge) if low else quantity <= edge
        if chosen.any():
            name = f"{100 * low:g}-{100 * high:g} %"
            columns = {"quantity": quantity, "half": half, "paid": paid, "realised": realised}
            parts.append(_slippage(series.instrument, name, **{key: all_[chosen] for key, all_ in columns.items()}))
    return parts


def _orders(executions: Sequence[Execution]) -> tuple[Floats, Floats, Floats, Floats]:
    """Time, side (+1, -1), quantity and average price: executions of one time and side are one order."""
    told = np.array(executions, np.float64)
    told = told[np.argsort(told[:, 0], kind="stable")]
    side = np.sign(told[:, 2])
    new = np.concatenate([[True], (np.diff(told[:, 0]) != 0) | (np.diff(side) != 0)])
    starts = np.flatnonzero(new)
    quantity = np.add.reduceat(np.abs(told[:, 2]), starts)
    value = np.add.reduceat(np.abs(told[:, 2]) * told[:, 1], starts)
    some = quantity > 0
    return told[starts, 0][some], side[starts][some], quantity[some], (value / np.where(some, quantity, 1))[some]


def _slippage(
    instrument: str, sizes: str, *, quantity: Floats, half: Floats, paid: Floats, realised: Floats
) -> Slippage:
    known = realised[np.isfinite(realised)]
    return Slippage(
        instrument,
        sizes,
        orders=len(quantity),
        quantity=float(quantity.sum()),
        half_spread_bps=float(half.mean()),
        slippage_bps=float(paid.mean()),
        realised_bps=float(known.mean()) if len(known) else None,
        difference=None,
    )
