"""The band of prices that a snapshot covers, and whether the market has left too much of it behind.

Rule 1: a snapshot holds the best N levels a side. Beyond the last of them nothing is known but what differences told
        since. A side with fewer than N levels is whole: the market can't leave it.
Rule 2: a difference proves where the market is: its lowest ask of some quantity bounds the best ask from above, its
        highest bid the best bid from below. What it proves is no estimate; a far level alone never raises an alarm.
Rule 3: new data is asked for when half of a side's band is gone, while the other half still serves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson


class Band(NamedTuple):
    """Bounds of the market's place.

    Attributes:
        lowest_ask: The best ask below this: half of the bids' band is gone. -inf: can't happen.
        highest_bid: The best bid above this: half of the asks' band is gone. inf: can't happen.
    """

    lowest_ask: float
    highest_bid: float

    def left_by(self, data: bytes) -> bool:
        """Whether the difference in the frame ``data`` proves that half of the band is gone. False when it is unreadable."""
        try:
            payload = orjson.loads(data)["data"]
            asks = [float(price) for price, quantity in payload["a"] if float(quantity) > 0]
            bids = [float(price) for price, quantity in payload["b"] if float(quantity) > 0]
        except (KeyError, TypeError, ValueError):
            return False  # the job says what is wrong with it
        return min(asks, default=math.inf) < self.lowest_ask or max(bids, default=-math.inf) > self.highest_bid


def band_of(snapshot: dict[str, Any], limit: int) -> Band | None:
    """The band of a parsed snapshot of at most ``limit`` levels a side; None when it has no readable levels."""
    try:
        bids = _ends(snapshot["bids"])
        asks = _ends(snapshot["asks"])
        short = len(snapshot["bids"]) < limit, len(snapshot["asks"]) < limit
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Band(
        -math.inf if short[0] else bids[0] - (bids[0] - bids[1]) / 2,
        math.inf if short[1] else asks[0] + (asks[1] - asks[0]) / 2,
    )


def _ends(levels: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Best and last price of a side."""
    return float(levels[0][0]), float(levels[-1][0])
