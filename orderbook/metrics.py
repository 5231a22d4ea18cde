"""The metrics that need no memory, for many books at once.

Rule 1: sums run over the levels from the best outwards, one addition after the other, whatever the number of rows.
        numpy's own ``sum`` adds pairwise or in another order, depending on shape and memory layout; the last digit would
        then show how messages were batched.
Rule 2: undefined is NaN here and null in the record; never a stale or invented number.
Formulas: docs/metrics.md.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.record import CROSSED, LIVE, RESYNCING

Block: TypeAlias = npt.NDArray[np.float64]
"""Books by their best levels: float64, shape (n, 2, w, 2) = book, side (bid, ask), level, (price, quantity); absent
levels are 0.0."""

COLUMNS: Final = (
    "orderflow_imbalance",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
    "bid_notional",
    "ask_notional",
    "total_depth",
    "best_bid",
    "best_bid_quantity",
    "best_ask",
    "best_ask_quantity",
    "mid_price",
    "micro_price",
    "bid_volume",
    "ask_volume",
)
"""What ``measure_books`` gives, in its order."""

_LARGE_ORDERS_FULL: Final = 5
"""So many large orders make presence 1.0."""
_DEPTH_RATIO_MAX: Final = 2.0


def measure_books(
    books: Block, states: npt.NDArray[np.int8], threshold: float, contract_sizes: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Compute the stateless metrics of every book.

    Args:
        books: Shape (n, 2, w, 2), see ``Block``.
        states: Shape (n,), codes of ``orderbook.record.STATES``; they decide what is undefined.
        threshold: Share of B + A above which (strictly) a level is a large order; 0.01 is 1 %.
        contract_sizes: Shape (n,): value of one contract, NaN where quantities are base units; None: all are.

    Returns:
        float64, shape (n, 15), columns as in ``COLUMNS``; NaN where undefined.
    """
    if not books.shape[2]:  # no book has any level
        books = np.zeros((len(books), 2, 1, 2))
    prices, quantities = books[..., 0], books[..., 1]
    worth = prices if contract_sizes is None else _worth(prices, contract_sizes)
    volume, notional = _sums(quantities, worth)
    bid_volume, ask_volume = volume[:, 0], volume[:, 1]
    bid_notional, ask_notional = notional[:, 0], notional[:, 1]
    bid, ask = prices[:, 0, 0], prices[:, 1, 0]
    bid_quantity, ask_quantity = quantities[:, 0, 0], quantities[:, 1, 0]
    both = bid_volume + ask_volume
    large = (quantities > (threshold * both)[:, None, None]).sum((1, 2))
    # Empty sides: the rows are undefined below. Overflow: an absurd price times the other side's absurd quantity.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mid = (ask + bid) / 2
        columns = (
            (bid_volume - ask_volume) / both,
            (ask - bid) / mid * 100,
            np.minimum(bid_notional / ask_notional, _DEPTH_RATIO_MAX),
            np.minimum(large / _LARGE_ORDERS_FULL, 1.0),
            bid_notional,
            ask_notional,
            bid_notional + ask_notional,
            bid,
            bid_quantity,
            ask,
            ask_quantity,
            mid,
            (ask * bid_quantity + bid * ask_quantity) / (bid_quantity + ask_quantity),
            bid_volume,
            ask_volume,
        )
    out = np.stack(columns, axis=1)
    if states.any():  # any code but LIVE
        _undefine(out, states)
    return out


def _worth(prices: npt.NDArray[np.float64], contract_sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What one unit of quantity is worth at each level: its price, or the contract size whatever the price."""
    size = contract_sizes[:, None, None]
    return np.where(np.isnan(size), prices, size)


def _sums(
    quantities: npt.NDArray[np.float64], worth: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Volume and notional of each side, shape (n, 2) each, added from the best level outwards (rule 1)."""
    volume = np.zeros(quantities.shape[:2])
    notional = np.zeros(quantities.shape[:2])
    for level in range(quantities.shape[2]):
        volume += quantities[:, :, level]
        notional += worth[:, :, level] * quantities[:, :, level]
    return volume, notional


_IMBALANCE, _SPREAD, _RATIO, _LARGE, _TOTAL = 0, 1, 2, 3, 6
_BID, _BID_QUANTITY, _ASK, _ASK_QUANTITY, _MID, _MICRO = 7, 8, 9, 10, 11, 12


def _undefine(out: npt.NDArray[np.float64], states: npt.NDArray[np.int8]) -> None:
    """Set to NaN what a row's state makes meaningless (docs/metrics.md, States)."""
    off = states == CROSSED
    out[off, : _TOTAL + 1] = np.nan
    out[states == RESYNCING] = np.nan
    for price, quantity in ((_BID, _BID_QUANTITY), (_ASK, _ASK_QUANTITY)):
        absent = out[:, price] == 0.0
        out[absent, price] = np.nan
        out[absent, quantity] = np.nan
    not_live = states != LIVE
    out[not_live, _SPREAD] = np.nan
    out[not_live, _MID] = np.nan
    out[not_live, _MICRO] = np.nan
    # 0 / 0 of an empty book is NaN already; n / 0 of one without asks is inf, which the cap turned into 2.0.
    empty = np.isnan(out[:, _IMBALANCE])
    out[empty, _LARGE] = np.nan
    out[empty, _RATIO] = np.nan
