"""Owns the true book: which levels exist, in integer ticks and lots, and the exchange's update id.

Rule 1: a level changes only in `Book.put`, which gives each change its own update id.
Rule 2: a side works on keys, not prices: key = price for bids, -price for asks. The best level then always has the
greatest key and stands last in a sorted list, where Python adds and removes cheaply, and one code serves both sides.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Side:
    """One side of the book.

    Attributes:
        sign: +1 for bids, -1 for asks; price in ticks = sign * key.
        keys: Keys of all levels, ascending; the best is `keys[-1]`.
        lots: Resting quantity in lots by key, always above zero.
        changed: Keys that changed since the last `Book.drain`, also those that came and went.
    """

    __slots__ = ("changed", "keys", "lots", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.lots: dict[int, int] = {}
        self.changed: set[int] = set()

    def best(self) -> tuple[int, int]:
        """Return price in ticks and quantity in lots of the best level."""
        key = self.keys[-1]
        return self.sign * key, self.lots[key]

    def top(self, levels: int) -> list[tuple[int, int]]:
        """Return (price in ticks, quantity in lots) of the best levels, best first."""
        sign, lots = self.sign, self.lots
        return [(sign * key, lots[key]) for key in self.keys[: -levels - 1 : -1]]


class Book:
    """Both sides and the update id.

    Args:
        first_id: Update id before the first change.
        id_steps: Endless steps between update ids: 1 on spot, more where all symbols of a venue share one counter.
    """

    def __init__(self, first_id: int, id_steps: Iterator[int]) -> None:
        self.bids = Side(1)
        self.asks = Side(-1)
        self.update_id = first_id
        self.first_changed_id = 0
        self._id_steps = id_steps

    def put(self, side: Side, key: int, lots: int) -> None:
        """Set the quantity of one level; zero removes it, or touches a price where nothing rests."""
        self.update_id += next(self._id_steps)
        if not self.first_changed_id:
            self.first_changed_id = self.update_id
        side.changed.add(key)
        held = side.lots
        if lots:
            if key not in held:
                insort(side.keys, key)
            held[key] = lots
        elif key in held:
            del held[key]
            keys = side.keys
            del keys[bisect_left(keys, key)]

    def spread_ticks(self) -> int:
        """Return best ask minus best bid in ticks, 1 or more."""
        return -self.asks.keys[-1] - self.bids.keys[-1]

    def drain(self) -> tuple[list[int], list[int]]:
        """Return the bid and ask prices in ticks that changed since the last call, ascending, and forget them."""
        bids = sorted(self.bids.changed)
        asks = sorted(-key for key in self.asks.changed)
        self.bids.changed.clear()
        self.asks.changed.clear()
        self.first_changed_id = 0
        return bids, asks
