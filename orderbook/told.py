"""What the last differences told of each price, and which of them told it last.

Owns the memory that two things are made of. An audit brings a snapshot forward by the differences after it; only what was
told last of a price counts, so that is all that is kept. And a state tells what changed since the levels were last written
down as a whole (``orderbook.diff_state``).

Rule 1: differences are numbered from 1 on, in their order.
Rule 2: what is older than ``orderbook.audit`` and the state need is forgotten, when it has become half of all.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, repeat
from types import ModuleType
from typing import Final, TypeAlias

from kernels import compiled
from orderbook.codec import Reader, StateError, Writer
from orderbook.events import Diff, Side

KERNEL: Final = compiled("told")
"""``PlainTold`` compiled, None where there is none."""

_LEAST: Final = 512
"""Fewer prices are not worth looking through."""


Entries: TypeAlias = list[tuple[float, float, int]]
"""Price, quantity and number of the difference, of one side."""


class PlainTold:
    """One side: quantity and number of the difference, by price, in the order in which the prices were last told.

    That order is the same whatever was forgotten on the way, so equal memories are equal bytes.
    """

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[float, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._told)

    def take(self, changes: Side, number: int) -> None:
        """Take one side of a difference."""
        told = self._told
        for price, quantity in changes:
            told.pop(price, None)
            told[price] = quantity, number

    def since(self, number: int) -> dict[float, float]:
        """What that difference and later ones told, by price."""
        return {price: quantity for price, (quantity, last) in self._told.items() if last >= number}

    def forget(self, before: int) -> None:
        """Keep what that difference and later ones told."""
        self._told = {price: told for price, told in self._told.items() if told[1] >= before}

    def write(self, out: Writer, oldest: int, number: int) -> None:
        """Append to a state what the difference ``number`` and later ones told.

        Prices (as steps) and quantities in their order, then marks of differences and how many of these prices each told. A
        mark is 1 for the difference ``oldest``, 2 for the next one and so on, and 0 for all earlier ones.
        """
        told = [(price, *of) for price, of in self._told.items() if of[1] >= number]
        counts = Counter(max(last - oldest + 1, 0) for _, _, last in told)
        out.put_decimals([price for price, _, _ in told], steps=True)
        out.put_decimals([quantity for _, quantity, _ in told])
        out.put_integers(counts)
        out.put_integers(counts.values())


class Told:
    """Both sides.

    Attributes:
        number: Of the last difference; 0 before the first.
        bids: What was told of them.
        asks: What was told of them.
    """

    __slots__ = ("_full_at", "_kernel", "asks", "bids", "number")

    def __init__(self, *, kernel: ModuleType | None = KERNEL) -> None:
        self._kernel = kernel
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next difference is the first."""
        side: type[PlainTold] = self._kernel.Told if self._kernel is not None else PlainTold
        self.bids, self.asks = side(), side()
        self.number = 0
        self._full_at = _LEAST

    def take(self, diff: Diff) -> bool:
        """Take a difference; whether there is so much that it should be seen what can be forgotten."""
        self.number += 1
        self.bids.take(diff.bids, self.number)
        self.asks.take(diff.asks, self.number)
        return len(self.bids) + len(self.asks) > self._full_at

    def forget(self, before: int) -> None:
        """Keep what the difference ``before`` and later ones told."""
        self.bids.forget(before)
        self.asks.forget(before)
        self._full_at = 2 * (len(self.bids) + len(self.asks)) + _LEAST

    def write(self, out: Writer, oldest: int, number: int) -> None:
        """Append what the difference ``number`` and later ones told."""
        self.bids.write(out, oldest, number)
        self.asks.write(out, oldest, number)

    def fill(self, *told: tuple[Entries, Entries]) -> None:
        """Become what was read, one after the other."""
        for bids, asks in told:
            for side, entries in ((self.bids, bids), (self.asks, asks)):
                for price, quantity, number in entries:
                    side.take([(price, quantity)], number)
        self._full_at = 2 * (len(self.bids) + len(self.asks)) + _LEAST


def read_told(state: Reader) -> tuple[Entries, Entries]:
    """What ``Told.write`` wrote of both sides; the marks of ``PlainTold.write`` are the numbers now."""
    return _read_side(state), _read_side(state)


def _read_side(state: Reader) -> Entries:
    prices, quantities = state.take_decimals(steps=True), state.take_decimals()
    marks, counts = state.take_integers(), state.take_integers()
    if not (
        len(prices) == len(quantities) == sum(counts) and len(marks) == len(counts) and min(counts, default=0) >= 0
    ):
        raise StateError(
            f"expected {len(prices)} quantities, and differences that told as many prices, received {len(quantities)}, "
            f"and {sum(counts)} of {len(marks)} differences"
        )
    numbers = chain.from_iterable(map(repeat, marks, counts))
    return list(zip(prices, quantities, numbers, strict=True))
