"""The metrics that need no memory, for many books at once.

Rule 1: sums run over the levels from the best outwards, one addition after the other, whatever the number of rows.
        numpy's own ``sum`` adds pairwise or in another order, depending on shape and memory layout; the last digit would
        then show how messages were batched.
Rule 2: undefined is NaN here and null in the record; never a stale or invented number.
Formulas: docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from orderbook.near import BANDS_BPS
from orderbook.ofi import Numbers, level_major, multi_level
from orderbook.presets import MeasureConfig
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED, RESYNCING

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
    "ofi_ml",
    "depth_span_bid_bps",
    "depth_span_ask_bps",
    "bid_notional_5bps",
    "ask_notional_5bps",
    "bid_notional_10bps",
    "ask_notional_10bps",
    "bid_notional_25bps",
    "ask_notional_25bps",
)
"""What ``measure_books`` gives, in the order of the record's fields."""

NEAR_LEVELS: Final = 5
"""Levels of imbalance_l5."""
LARGE_ORDERS_FULL: Final = 5
"""So many large orders make presence 1.0."""
DEPTH_RATIO_MAX: Final = 2.0
_INT8_MAX: Final = 127


def measure_books(
    books: Block,
    states: npt.NDArray[np.int8],
    config: MeasureConfig,
    contract_sizes: npt.NDArray[np.float64] | None = None,
    before: Block | None = None,
) -> npt.NDArray[np.float64]:
    """Compute the metrics of every book that need no memory.

    Args:
        books: Shape (n, 2, w, 2), see ``Block``.
        states: Shape (n,), codes of ``orderbook.record.STATES``; they decide what is undefined.
        config: The settings; ``large_order_threshold_pct`` and ``depth_levels`` count here.
        contract_sizes: Shape (n,): value of one contract, NaN where quantities are base units; None: all are.
        before: Their predecessors, see ``orderbook.ofi.predecessors``; None: none has one.

    Returns:
        float64, shape (n, 26), columns as in ``COLUMNS``; NaN where undefined.
    """
    if not books.shape[2]:  # no book has any level
        books = np.zeros((len(books), 2, 1, 2))
    prices, quantities = level_major(books)
    worth = prices if contract_sizes is None else _worth(prices, contract_sizes)
    (bid, ask), (bid_quantity, ask_quantity) = prices[0], quantities[0]
    # Empty sides: the rows are undefined below. Overflow: an absurd price times an absurd quantity.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        near, volume, notionals = _sums(quantities, worth)
        (bid_volume, ask_volume), (bid_notional, ask_notional) = volume, notionals[-1]
        mid = (ask + bid) / 2
        columns = (
            _imbalance(bid_volume, ask_volume),
            (ask - bid) / mid * 100,
            np.minimum(bid_notional / ask_notional, DEPTH_RATIO_MAX),
            _presence(quantities, config.large_order_threshold_pct * (bid_volume + ask_volume)),
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
            _imbalance(*near),
            multi_level(books, before, config.depth_levels) if before is not None else np.full(len(books), np.nan),
            *_reach(prices, notionals, mid),
        )
    return _defined(np.stack(columns, axis=1), states)


def _worth(prices: Numbers, contract_sizes: Numbers) -> Numbers:
    """What one unit of quantity is worth at each level: its price, or the contract size whatever the price."""
    return np.where(np.isnan(contract_sizes), prices, contract_sizes)


def _sums(quantities: Numbers, worth: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Sums from the best level outwards (rule 1), of each side.

    Volume of the first levels and of all, shape (2, n) each, and notional of the first 0, 1, 2 ... levels, (w + 1, 2, n).
    """
    width, _, count = quantities.shape
    volume = np.zeros((2, count))
    near = volume
    notionals = np.zeros((width + 1, 2, count))
    np.multiply(worth, quantities, out=notionals[1:])
    for level in range(width):
        if level == NEAR_LEVELS:
            near = volume.copy()
        volume += quantities[level]
        notionals[level + 1] += notionals[level]
    return near, volume, notionals


def _presence(quantities: Numbers, limit: Numbers) -> Numbers:
    """Large orders of each book, as a share of those that are as many as matter."""
    return np.minimum(_number(quantities > limit) / LARGE_ORDERS_FULL, 1.0)


def _number(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.integer[Any]]:
    """How many levels of each book are marked: by their number in the narrowest type, sums of bool are slow."""
    levels = tuple(range(marks.ndim - 1))
    kind = np.int8 if math.prod(marks.shape[:-1]) <= _INT8_MAX else np.int32
    counts: npt.NDArray[np.integer[Any]] = np.add.reduce(marks.view(np.int8), axis=levels, dtype=kind)
    return counts


def _imbalance(bids: Numbers, asks: Numbers) -> Numbers:
    return (bids - asks) / (bids + asks)


def _last(prices: Numbers) -> Numbers:
    """Price of the last level of each side, shape (2, n); 0.0 where a side is empty."""
    last: Numbers = prices[-1]
    for level in prices[-2::-1]:
        absent = last == 0.0
        if not absent.any():
            break
        last = np.where(absent, level, last)
    return last


def _reach(prices: Numbers, notionals: Numbers, mid: Numbers) -> Iterator[Numbers]:
    """How far from mid the last level lies, basis points, and the notionals near mid; bids and asks in turn.

    A notional is NaN where the levels do not reach so far.
    """
    bids, asks = prices[:, 0], prices[:, 1]
    last_bid, last_ask = _last(prices)
    yield (mid - last_bid) / mid * 10_000
    yield (last_ask - mid) / mid * 10_000
    books = np.arange(len(mid))
    for bps in BANDS_BPS:
        far = mid * bps / 10_000
        for side, reached, inside in (
            (0, last_bid <= mid - far, bids >= mid - far),
            (1, last_ask >= mid + far, (asks <= mid + far) & (asks > 0.0)),
        ):
            worth = notionals[_number(inside), side, books]
            worth[~reached] = np.nan
            yield worth


_IMBALANCE, _SPREAD, _RATIO, _LARGE, _TOTAL = 0, 1, 2, 3, 6
_BID, _BID_QUANTITY, _ASK, _ASK_QUANTITY, _MID, _MICRO = 7, 8, 9, 10, 11, 12
_IMBALANCE_L1, _OFI_ML, _SPAN_BID = 15, 17, 18


def _defined(out: npt.NDArray[np.float64], states: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """The same, in place, with NaN for what a row's state makes meaningless (docs/metrics.md, States).

    A live book's row stays as it is, whatever the states of the others.
    """
    live = states == LIVE
    if live.all():
        return out
    off = states == CROSSED
    out[off, : _TOTAL + 1] = np.nan
    out[off, _IMBALANCE_L1 : _OFI_ML + 1] = np.nan
    out[states == RESYNCING] = np.nan
    for price, quantity in ((_BID, _BID_QUANTITY), (_ASK, _ASK_QUANTITY)):
        absent = (out[:, price] == 0.0) & ~live
        out[absent, price] = np.nan
        out[absent, quantity] = np.nan
    no_mid = np.isin(states, (ONE_SIDED, EMPTY, CROSSED, RESYNCING))
    for column in (_SPREAD, _MID, _MICRO):
        out[no_mid, column] = np.nan
    out[no_mid, _SPAN_BID:] = np.nan
    # 0 / 0 of an empty book is NaN already; n / 0 of one without asks is inf, which the cap turned into 2.0.
    empty = np.isnan(out[:, _IMBALANCE]) & ~live
    out[empty, _LARGE] = np.nan
    out[empty, _RATIO] = np.nan
    return out
