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
PLACES: Final = (NO_PREDECESSOR, BEFORE_PARTIAL, BEFORE_FULL)

Numbers: TypeAlias = npt.NDArray[np.float64]
Indexes: TypeAlias = npt.NDArray[np.intp]
Carried: TypeAlias = tuple[Numbers, Numbers]
"""The predecessors of an instrument's next partial and next full book, each a block of one:
shape (1, 2, w, 2)."""

CUT_OFF_AT: Final = 5
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


def level_major(books: Numbers) -> Numbers:
    """Books, shape (n, 2, w, 2), as their numbers level by level: float64, shape (2, w, 2, n).

    That is prices and quantities, level, side, book, one after the other in memory: what many books have in common is
    worked out in one pass over neighbours. Nothing is copied where the books lie so already.
    """
    return np.ascontiguousarray(books.transpose(3, 2, 1, 0))


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
    starts = np.repeat(np.cumsum(counts, dtype=np.intp) - counts, counts)
    width = min(books.shape[2], LEVELS)
    out = np.zeros((2, LEVELS, 2, len(places)))
    outside = np.flatnonzero(places < 0)
    places += starts
    places[outside] = 0
    out[:, :width] = books.transpose(3, 2, 1, 0)[:, :width].take(places, axis=3)
    if len(outside):
        _bring(out, outside, before, np.repeat(np.arange(len(counts)), counts)[outside].tolist(), carried)
    return out.transpose(3, 2, 1, 0)


def _bring(
    out: Numbers, rows: Indexes, before: Sequence[int], instruments: list[int], carried: Sequence[Carried]
) -> None:
    """Put the predecessors of ``rows``, which lie in no book of this batch, to their places."""
    nothing = np.full((1, 2, LEVELS, 2), np.nan)
    found = [
        carried[instrument][BEFORE_PARTIAL - before[row]] if before[row] != NO_PREDECESSOR else nothing
        for row, instrument in zip(rows.tolist(), instruments, strict=True)
    ]
    out[..., rows] = 0.0
    widths = np.array([levels.shape[2] for levels in found])
    for width in set(widths.tolist()) - {0}:
        mine = np.flatnonzero(widths == width)
        joined = np.frombuffer(b"".join([found[number].tobytes() for number in mine.tolist()]))
        books = joined.reshape(len(mine), 2, width, 2)
        best = books[:, :, :LEVELS].transpose(3, 2, 1, 0)
        out[:, : best.shape[1], :, rows[mine]] = best


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
    changes = []
    pair = level_major(books)[:, :depth], level_major(before)[:, :depth]
    for side, narrower, within, whole in (
        (0, np.maximum, np.greater_equal, -np.inf),
        (1, np.minimum, np.less_equal, np.inf),
    ):
        sides = [numbers[:, :, side] for numbers in pair]
        end = narrower(*(_end(prices, depth, whole) for prices, _ in sides))
        now, then = (_added(quantities * within(prices, end)) for prices, quantities in sides)
        changes.append(now - then)
    out: Numbers = changes[0] - changes[1]
    out[np.isnan(before[:, 0, 0, 0])] = np.nan
    return out


def _end(prices: Numbers, depth: int, whole: float) -> Numbers:
    """The last price that each side, shape (w, n), can be sure of; ``whole`` where it is all there is."""
    last = prices[depth - 1] if len(prices) == depth else np.zeros(prices.shape[1])
    end = np.where(last != 0.0, last, whole)
    if depth > CUT_OFF_AT <= len(prices):
        narrow = prices[CUT_OFF_AT - 1] != 0.0
        if len(prices) > CUT_OFF_AT:
            narrow &= prices[CUT_OFF_AT] == 0.0
        end = np.where(narrow, prices[CUT_OFF_AT - 1], end)
    return end


def _added(quantities: Numbers) -> Numbers:
    """Sums over the levels, shape (n,), from the best outwards."""
    total = np.zeros(quantities.shape[1])
    for level in quantities:
        total += level
    return total
