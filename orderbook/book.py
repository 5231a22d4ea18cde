"""A full book: every known price level of both sides, kept in order.

Rule 1: a book changes only in ``apply``, ``replace`` and ``reconcile``.
Rule 2: nothing here knows the venue, the ids or the clock; the sequence rules live in ``orderbook.sequence``.
Rule 3: quantities are absolute; 0.0 removes a level; removing an unknown price is normal and does nothing.

Each side keeps its prices in a sorted list with the best price LAST: almost all changes happen near the best price, and
at the end of a list an insertion moves next to nothing. Bids are keyed by price, asks by -price. ``kernels.book_side`` is
the same side compiled, with the same answers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from itertools import chain
from math import inf
from types import ModuleType
from typing import Final

from kernels import compiled
from orderbook.codec import Reader, Writer
from orderbook.events import Side
from orderbook.presets import MAX_BOOK_LEVELS

KERNEL: Final = compiled("book_side") if compiled("near_sums") is not None else None
"""The compiled side; None where it, or what adds up its levels (``orderbook.near``), was not built."""


class BookSide:
    """One side of a full book, with what it was at the last ``mark``.

    The undo log keeps, for every price touched since the mark, the quantity it had there (0.0: none). A sweep is
    measured against the book before the message, and by then the message has been applied.

    All levels from the best one down to the key ``_floor`` are known (see ``orderbook.band``); -inf: the side is whole.
    A side that has grown to more than 5/4 of ``levels`` is cut down to the best ``levels``: far ones are never told to
    be gone, so they would pile up, and no record asks for them.
    """

    __slots__ = ("_floor", "_keys", "_levels", "_quantities", "_sign", "_undo", "rebuilt")

    def __init__(self, sign: int, levels: int = MAX_BOOK_LEVELS) -> None:
        self._levels = levels
        self._sign = float(sign)
        self._floor = -inf
        self._keys: list[float] = []
        self._quantities: dict[float, float] = {}
        self._undo: dict[float, float] = {}
        self.rebuilt = 0  # how often levels changed otherwise than by ``apply``, or were cut off

    @property
    def keys(self) -> list[float]:
        """Prices of bids, negated prices of asks, the best one last. To be read only, as are the next three."""
        return self._keys

    @property
    def quantities(self) -> dict[float, float]:
        """Quantity by key."""
        return self._quantities

    @property
    def undo(self) -> dict[float, float]:
        """For every key touched since the mark, its quantity there (0.0: none)."""
        return self._undo

    @property
    def floor(self) -> float:
        """All levels down to this key are known."""
        return self._floor

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def best(self) -> float | None:
        """Best price, None when the side is empty."""
        return self._keys[-1] * self._sign if self._keys else None

    @property
    def best_level(self) -> tuple[float, float]:
        """Best price and its quantity, 0.0 and 0.0 when the side is empty."""
        if not self._keys:
            return 0.0, 0.0
        key = self._keys[-1]
        return key * self._sign, self._quantities[key]

    def covers(self, count: int) -> bool:
        """Whether the ``count`` best levels are known for certain: all lie in the band, or the side is whole."""
        keys, floor = self._keys, self._floor
        return floor == -inf or (len(keys) >= count and keys[-count] >= floor)

    def knows(self, price: float) -> bool:
        """Whether all levels from the best one down to ``price`` are known for certain."""
        return price * self._sign >= self._floor

    def apply(self, changes: Side) -> None:
        """Set absolute quantities at prices; 0.0 removes."""
        keys, quantities, undo, sign = self._keys, self._quantities, self._undo, self._sign
        for price, quantity in changes:
            key = price * sign
            before = quantities.get(key)
            if key not in undo:
                undo[key] = before or 0.0
            if quantity > 0.0:
                quantities[key] = quantity
                if before is None:
                    insort(keys, key)
            elif before is not None:
                del quantities[key]
                del keys[bisect_left(keys, key)]
        if 4 * len(keys) > 5 * self._levels:
            self._prune()

    def replace(self, levels: Side, *, cut_off: bool = False) -> None:
        """Forget everything, also the mark, and take ``levels`` instead; ``cut_off``: there are more beyond the last."""
        sign = self._sign
        self._quantities = {price * sign: quantity for price, quantity in levels if quantity > 0.0}
        self._keys = sorted(self._quantities)
        self._floor = self._keys[0] if cut_off and self._keys else -inf
        if 4 * len(self._keys) > 5 * self._levels:
            self._prune()
        self._undo = {}
        self.rebuilt += 1

    def reconcile(self, levels: Mapping[float, float], worst: float | None) -> tuple[int, int, bool]:
        """Make this side what ``levels`` say at prices down to ``worst`` (None: at all prices); they know all there.

        The mark is not touched: what the side was at the mark, too, may have been wrong.

        Returns:
            Prices that have a level in either, among those that both know; of them, those with equal quantities; and
            whether anything has changed.
        """
        sign, keys, quantities = self._sign, self._keys, self._quantities
        floor = -inf if worst is None else worst * sign
        told = {price * sign: quantity for price, quantity in levels.items() if quantity > 0.0}
        told = {key: quantity for key, quantity in told.items() if key >= floor}
        at = bisect_left(keys, floor)
        own = {key: quantities.pop(key) for key in keys[at:]}
        known = max(floor, self._floor)
        both = [key for key in own.keys() | told.keys() if key >= known]
        equal = sum(own.get(key) == told.get(key) for key in both)
        quantities.update(told)
        keys[at:] = sorted(told)
        self._floor = min(floor, self._floor)
        if 4 * len(keys) > 5 * self._levels:
            self._prune()
        self.rebuilt += own != told
        return len(both), equal, own != told

    def _prune(self) -> None:
        """Drop all but the best levels. What goes had its quantity at the mark too, unless it changed since."""
        keys, quantities, undo = self._keys, self._quantities, self._undo
        for key in keys[: -self._levels]:
            undo.setdefault(key, quantities.pop(key))
        del keys[: -self._levels]
        self._floor = max(self._floor, keys[0])
        self.rebuilt += 1

    def mark(self) -> None:
        """From here on, ``marked_through`` speaks of the book as it is now."""
        if self._undo:
            self._undo = {}

    def marked_through(self, price: float) -> float:
        """Quantity that rested, at the mark, at all prices from the best down to and including ``price``.

        Only prices that are gone or changed since the mark are looked at: callers ask about prices which the other side
        has reached without crossing, and nothing of those can be left (0.0 when nothing rested there).
        """
        limit = price * self._sign
        total = 0.0
        for key in sorted((k for k, quantity in self._undo.items() if k >= limit and quantity > 0.0), reverse=True):
            total += self._undo[key]
        return total

    def top(self, count: int) -> list[float]:
        """Up to ``count`` best levels as price, quantity, price, quantity ..., best first."""
        keys = self._keys[: -count - 1 : -1]
        quantities, sign = self._quantities, self._sign
        return list(chain.from_iterable((key * sign, quantities[key]) for key in keys))

    def write_levels(self, out: Writer) -> None:
        """Append the levels to a state."""
        out.put_decimals(self._keys, steps=True)
        out.put_decimals(self._quantities[key] for key in self._keys)

    def read_levels(self, state: Reader, changes: Mapping[float, float]) -> None:
        """Take the levels that ``write_levels`` wrote, after changes of them (quantities by price), and nothing else."""
        keys, sign = state.take_decimals(steps=True), self._sign
        levels = dict(zip(keys, state.take_decimals(), strict=True))
        levels.update((price * sign, quantity) for price, quantity in changes.items())
        self._quantities = {key: quantity for key, quantity in levels.items() if quantity > 0.0}
        self._keys = sorted(self._quantities)

    def write(self, out: Writer) -> None:
        """Append all but the levels to a state."""
        out.put_floats([self._floor, *self._undo, *self._undo.values()])

    def read(self, state: Reader) -> None:
        """Take what ``write`` wrote; the levels are read later."""
        self._floor, *undone = state.take_floats()
        half = len(undone) // 2
        self._undo = dict(zip(undone[:half], undone[half:], strict=True))


class Book:
    """Both sides of a full book, with ``levels`` or somewhat more on each; ``kernel``: the compiled side, None for this one."""

    __slots__ = ("asks", "bids")

    def __init__(self, levels: int = MAX_BOOK_LEVELS, *, kernel: ModuleType | None = KERNEL) -> None:
        side: type[BookSide] = kernel.BookSide if kernel is not None else BookSide
        self.bids = side(1, levels)
        self.asks = side(-1, levels)

    def apply(self, bids: Side, asks: Side) -> None:
        """Apply one difference."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    def replace(self, bids: Side, asks: Side, *, cut_off: tuple[bool, bool] = (False, False)) -> None:
        """Take a snapshot's levels in the place of all that was known; ``cut_off``: which sides have more levels."""
        self.bids.replace(bids, cut_off=cut_off[0])
        self.asks.replace(asks, cut_off=cut_off[1])

    @property
    def rebuilt(self) -> int:
        """How often levels changed otherwise than by ``apply``, or were cut off, since the start of the process."""
        return self.bids.rebuilt + self.asks.rebuilt

    def covers(self, count: int) -> bool:
        """Whether the ``count`` best levels of both sides are known for certain."""
        return self.bids.covers(count) and self.asks.covers(count)

    def mark(self) -> None:
        """Remember this book as the one that the next is compared with."""
        self.bids.mark()
        self.asks.mark()
