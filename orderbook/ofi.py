"""Order-flow imbalance: what was added to the bids and taken from the asks between a book and its predecessor.

Owns the imbalance over several levels, for many books at once, and the decay of the time-weighted sums. The imbalance of
the best level is a few comparisons in ``orderbook.flow``, where the sums need it.

Rule 1: levels are compared by price, and only prices that both books show: a level that enters or leaves the best ones
        because others moved is no event.
Rule 2: sums run from the best level outwards (see ``orderbook.metrics``).
Formulas and sources: docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

LEVELS: Final = 10
"""Best levels of each side that are compared (``depth_levels`` when those are fewer)."""

NO_PREDECESSOR, BEFORE_PARTIAL, BEFORE_FULL = -1, -2, -3
"""In the place of a row's number: the book has no predecessor, or it came in an earlier batch."""

Numbers: TypeAlias = npt.NDArray[np.float64]
Carried: TypeAlias = tuple[Numbers, Numbers]
"""The predecessors of an instrument's next partial and next full book, shape (2, w, 2) each: side, level, (price, quantity)."""

_CUT_OFF_AT: Final = 5
"""A side of exactly so many levels ends there as one of LEVELS does: it is how ``@depth5`` tells any book."""

_KEPT_MS: Final = 10_000
_ZERO_AFTER: Final = 746
"""exp(-746) is 0.0 in float64."""


class Decay(dict[int, float]):
    """exp(-t / tau) by t in ms, rounded correctly.

    Not ``math.exp``: the last bit of that is the C library's, and a record must be the same on every machine.

    >>> Decay(500)[500]
    0.36787944117144233
    """

    _exact: Final = Context(prec=40)

    def __init__(self, tau_ms: int) -> None:
        super().__init__()
        self._tau_ms = tau_ms

    def __missing__(self, ms: int) -> float:
        if ms > _ZERO_AFTER * self._tau_ms:
            return 0.0
        factor = float(self._exact.exp(self._exact.divide(Decimal(-ms), Decimal(self._tau_ms))))
        if ms <= _KEPT_MS:
            self[ms] = factor
        return factor


FAST: Final = Decay(500)
SLOW: Final = Decay(2_000)


def predecessors(books: Numbers, counts: Sequence[int], before: Sequence[int], carried: Sequence[Carried]) -> Numbers:
    """The best levels of every book's predecessor.

    Args:
        books: Shape (n, 2, w, 2), see ``orderbook.metrics.Block``; the books of one instrument after those of another.
        counts: How many books each instrument has; n in all.
        before: For every book the number of its predecessor among its instrument's books, or one of the codes above.
        carried: Of each instrument what was remembered from earlier batches.

    Returns:
        float64, shape (n, 2, LEVELS, 2), absent levels 0.0; NaN where there is no predecessor.
    """
    places = np.array(before, np.intp)
    instruments = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    out = np.zeros((len(places), 2, LEVELS, 2))
    width = min(books.shape[2], LEVELS)
    out[:, :, :width] = books[np.where(places < 0, 0, places + starts[instruments]), :, :width]
    for row in np.flatnonzero(places < 0).tolist():
        code = before[row]
        if code == NO_PREDECESSOR:
            out[row] = np.nan
            continue
        levels = carried[instruments[row]][BEFORE_PARTIAL - code][:, :LEVELS]
        out[row] = 0.0
        out[row, :, : levels.shape[1]] = levels
    return out


def multi_level(books: Numbers, before: Numbers, depth_levels: int) -> Numbers:
    """Order-flow imbalance over the best ``min(depth_levels, LEVELS)`` levels of each book.

    Args:
        books: Shape (n, 2, w, 2), see ``orderbook.metrics.Block``.
        before: Shape (n, 2, LEVELS, 2), their predecessors.
        depth_levels: How many levels of a side count at all.

    Returns:
        float64, shape (n,): > 0 where bids came or asks went, in units of quantity; NaN where there is no predecessor.
    """
    depth = min(depth_levels, LEVELS)
    now = np.zeros((len(books), 2, depth, 2))
    width = min(books.shape[2], depth)
    now[:, :, :width] = books[:, :, :width]
    pair = now, before[:, :, :depth]
    sign = np.array([[[1.0], [-1.0]]])  # a key is better the higher it is, on both sides
    keys = [levels[..., 0] * sign for levels in pair]
    floor = np.maximum(*(_end(side, depth) for side in keys))[:, :, None]
    seen = [np.where(side >= floor, levels[..., 1], 0.0) for side, levels in zip(keys, pair, strict=True)]
    change = _added(seen[0]) - _added(seen[1])
    out: Numbers = change[:, 0] - change[:, 1]
    out[np.isnan(before[:, 0, 0, 0])] = np.nan
    return out


def _end(keys: Numbers, depth: int) -> Numbers:
    """The last key that each side, shape (n, 2, depth), can be sure of; -inf where the side is whole."""
    end = np.where(keys[:, :, -1] != 0.0, keys[:, :, -1], -np.inf)
    if depth > _CUT_OFF_AT:
        narrow = (keys[:, :, _CUT_OFF_AT] == 0.0) & (keys[:, :, _CUT_OFF_AT - 1] != 0.0)
        end = np.where(narrow, keys[:, :, _CUT_OFF_AT - 1], end)
    return end


def _added(quantities: Numbers) -> Numbers:
    """Sums over the levels, shape (n, 2), from the best outwards."""
    total = np.zeros(quantities.shape[:2])
    for level in range(quantities.shape[2]):
        total += quantities[:, :, level]
    return total
