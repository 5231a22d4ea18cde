"""delta_volume and trade_delta: aggressive events, who caused them, and the windows that sum them up.

Rule 1: a window's sum is exact, rounded once: it depends on the window's content alone, not on how it came about. A
        running sum of floats would not.
Rule 2: an estimator compares a book with its predecessor, the last one that was neither crossed nor resyncing.
Definitions and worked numbers: docs/metrics.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import inf
from typing import Protocol

from orderbook.codec import Reader, Writer
from orderbook.presets import Estimator


class Window:
    """The last ``size`` numbers and their exactly rounded sum, as ``math.fsum`` would give it.

    A float is an integer times a power of two, so the numbers are added and taken away as integers over one common
    power of two: exact, and the same whatever came before. ``fsum`` itself would visit the whole window at each event.
    """

    __slots__ = ("_bits", "_sum", "_total", "_values")

    def __init__(self, size: int, values: Iterable[float] = ()) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._total = 0
        self._bits = 0  # the sum is _total / 2 ** _bits
        self._sum: float | None = 0.0
        for value in values:
            self.push(value)

    def __len__(self) -> int:
        return len(self._values)

    def push(self, value: float) -> None:
        """Add a finite number; the oldest falls out of a full window."""
        values = self._values
        if len(values) == values.maxlen:
            self._add(-values[0])
        values.append(value)
        self._add(value)
        self._sum = None

    def sum(self) -> float:
        """The exactly rounded sum; 0.0 of an empty window."""
        if self._sum is None:
            self._sum = self._total / (1 << self._bits)
        return self._sum

    def _add(self, value: float) -> None:
        numerator, denominator = value.as_integer_ratio()
        bits = denominator.bit_length() - 1
        if bits > self._bits:
            self._total <<= bits - self._bits
            self._bits = bits
        self._total += numerator << (self._bits - bits)

    def write(self, out: Writer) -> None:
        """Append this window to a state."""
        out.put_floats(self._values)

    @classmethod
    def read(cls, size: int, state: Reader) -> Window:
        """The window that ``write`` wrote; of a smaller ``size`` the oldest numbers are dropped."""
        return cls(size, state.take_floats())


class Predecessor(Protocol):
    """The book that a new one is compared with."""

    best_bid: float
    """-inf when it had no bid."""
    best_ask: float
    """+inf when it had no ask."""

    def bids_through(self, price: float) -> float:
        """Quantity of its bids at prices >= ``price``."""

    def asks_through(self, price: float) -> float:
        """Quantity of its asks at prices <= ``price``."""


def aggressive_event(estimator: Estimator, before: Predecessor, bid: float, ask: float) -> float | None:
    """What aggressors did between the predecessor and a book with best prices ``bid`` and ``ask``.

    ``swept``: the quantity that rested where the other side now quotes; what must have been taken (base units).
    ``price_gap``: how far the quote moved beyond the opposite best (price units, not a volume).
    > 0 buyers, < 0 sellers, None: no event. Absent prices are -inf (bid) and +inf (ask).
    """
    if estimator == "swept":
        if bid >= before.best_ask:
            return before.asks_through(bid)
        if ask <= before.best_bid:
            return -before.bids_through(ask)
        return None
    if bid > before.best_ask:
        return bid - before.best_ask
    if ask < before.best_bid:
        return ask - before.best_bid
    return None


NO_BID, NO_ASK = -inf, inf
