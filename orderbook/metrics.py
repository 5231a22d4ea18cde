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

from orderbook.record import CROSSED, EMPTY, ONE_SIDED, RESYNCING

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
    "imbalance_l1",
    "imbalance_l5",
    "depth_span_bid_bps",
    "depth_span_ask_bps",
)
"""What ``measure_books`` gives, in the order of the record's fields."""

_NEAR_LEVELS: Final = 5
"""Levels of imbalance_l5."""
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
        float64, shape (n, 19), columns as in ``COLUMNS``; NaN where undefined.
    """
    if not books.shape[2]:  # no book has any level
        books = np.zeros((len(books), 2, 1, 2))
    prices, quantities = books[..., 0], books[..., 1]
    worth = prices if contract_sizes is None else _worth(prices, contract_sizes)
    near, volume, notional = _sums(quantities, worth)
    bid_volume, ask_volume, bid_notional, ask_notional = *volume.T, *notional.T
    bid, ask, bid_quantity, ask_quantity = *prices[:, :, 0].T, *quantities[:, :, 0].T
    large = (quantities > (threshold * (bid_volume + ask_volume))[:, None, None]).sum((1, 2))
    # Empty sides: the rows are undefined below. Overflow: an absurd price times the other side's absurd quantity.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mid = (ask + bid) / 2
        columns = (
            _imbalance(bid_volume, ask_volume),
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
            _imbalance(bid_quantity, ask_quantity),
            _imbalance(near[:, 0], near[:, 1]),
            *_spans(prices, mid),
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
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Volume of the first levels, volume and notional of each side, shape (n, 2) each, from the best outwards (rule 1)."""
    volume = np.zeros(quantities.shape[:2])
    notional = np.zeros(quantities.shape[:2])
    near = volume
    for level in range(quantities.shape[2]):
        if level == _NEAR_LEVELS:
            near = volume.copy()
        volume += quantities[:, :, level]
        notional += worth[:, :, level] * quantities[:, :, level]
    return near, volume, notional


def _imbalance(bids: npt.NDArray[np.float64], asks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (bids - asks) / (bids + asks)


def _spans(
    prices: npt.NDArray[np.float64], mid: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far from mid the last level of each side lies, basis points."""
    last = prices[:, :, -1]
    for level in range(prices.shape[2] - 2, -1, -1):
        absent = last == 0.0
        if not absent.any():
            break
        last = np.where(absent, prices[:, :, level], last)
    return (mid - last[:, 0]) / mid * 10_000, (last[:, 1] - mid) / mid * 10_000


_IMBALANCE, _SPREAD, _RATIO, _LARGE, _TOTAL = 0, 1, 2, 3, 6
_BID, _BID_QUANTITY, _ASK, _ASK_QUANTITY, _MID, _MICRO = 7, 8, 9, 10, 11, 12
_IMBALANCES: Final = (0, 15, 16)
_SPANS: Final = (17, 18)


def _undefine(out: npt.NDArray[np.float64], states: npt.NDArray[np.int8]) -> None:
    """Set to NaN what a row's state makes meaningless (docs/metrics.md, States)."""
    off = states == CROSSED
    out[off, : _TOTAL + 1] = np.nan
    out[off, _IMBALANCES[1] : _IMBALANCES[-1] + 1] = np.nan
    out[states == RESYNCING] = np.nan
    for price, quantity in ((_BID, _BID_QUANTITY), (_ASK, _ASK_QUANTITY)):
        absent = out[:, price] == 0.0
        out[absent, price] = np.nan
        out[absent, quantity] = np.nan
    no_mid = np.isin(states, (ONE_SIDED, EMPTY, CROSSED, RESYNCING))
    for column in (_SPREAD, _MID, _MICRO, *_SPANS):
        out[no_mid, column] = np.nan
    # 0 / 0 of an empty book is NaN already; n / 0 of one without asks is inf, which the cap turned into 2.0.
    empty = np.isnan(out[:, _IMBALANCE])
    out[empty, _LARGE] = np.nan
    out[empty, _RATIO] = np.nan
