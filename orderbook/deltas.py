"""delta_volume and trade_delta: aggressive events, who caused them.

Rule: an estimator compares a book with its predecessor, the last one that was neither crossed nor resyncing.
Definitions and worked numbers: docs/metrics.md.
"""

from __future__ import annotations

from math import inf
from typing import Protocol, TypeAlias

from orderbook.presets import Estimator

Aggression: TypeAlias = tuple[float, bool]
"""What aggressors did between two books: an amount (> 0 buyers, < 0 sellers), and whether it is cut off: they went beyond
the last level that was known, so that they may have taken more."""


class Resting(Protocol):
    """What rested in the book that a new one is compared with."""

    def bids_through(self, price: float) -> Aggression:
        """Quantity of its bids at prices >= ``price``."""

    def asks_through(self, price: float) -> Aggression:
        """Quantity of its asks at prices <= ``price``."""


def aggressive_event(
    estimator: Estimator, resting: Resting, before: tuple[float, float], now: tuple[float, float]
) -> Aggression | None:
    """What aggressors did between two books, given by their best bid and ask (absent: -inf and +inf); None: nothing.

    ``swept``: the quantity that rested where the other side now quotes; what must have been taken (base units).
    ``price_gap``: how far the quote moved beyond the opposite best (price units, not a volume).
    """
    (before_bid, before_ask), (bid, ask) = before, now
    if estimator == "swept":
        if bid >= before_ask:
            return resting.asks_through(bid)
        if ask <= before_bid:
            sold, cut_off = resting.bids_through(ask)
            return -sold, cut_off
        return None
    if bid > before_ask:
        return bid - before_ask, False
    if ask < before_bid:
        return ask - before_bid, False
    return None


NO_BID, NO_ASK = -inf, inf
