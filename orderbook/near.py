"""What the levels of a full book within some basis points of mid are worth, kept up to date from message to message.

Owns the bands around mid, and running sums that follow their edges: a band of a busy book holds a thousand levels, of which
a message changes a few. Partial books have few levels and need no memory: ``orderbook.metrics``.

Rule 1: a sum is exact (integers over one power of two) and rounded once. It depends on the levels in the band alone, not on
        how the book came to them; a restart adds them up anew and gets the same.
Rule 2: a sum is not defined where the band reaches beyond what is known of the side (``orderbook.band``).
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf, trunc
from typing import Final, TypeAlias

from kernels import compiled
from orderbook.book import Book, BookSide
from orderbook.exact import LEAST_BITS, quotient, scale_of

BANDS_BPS: Final = (5, 10, 25)
"""Distances from mid, basis points."""

_KERNEL: Final = compiled("near_sums")

Values: TypeAlias = tuple[float | None, ...]

NOTHING: Final[Values] = (None,) * (2 * len(BANDS_BPS))


class NearNotionals:
    """The worth of the levels near mid, both sides.

    Attributes:
        contract_size: Value of one contract, whatever the price; None where quantities are base units.
        values: Bids and asks within 5, 10, 25 basis points of mid, in the order of the record; None where not defined.
    """

    __slots__ = ("_asks", "_bids", "_limits", "_mid", "contract_size", "values")

    def __init__(self, book: Book) -> None:
        self._bids, self._asks = _sums(book.bids), _sums(book.asks)
        self._mid = 0.0
        self._limits: tuple[list[float], list[float]] = [], []
        self.contract_size: float | None = None
        self.values = NOTHING

    def forget(self) -> None:
        """The book has changed, or will, without a trace in its undo log: add up anew."""
        self._bids.known = self._asks.known = False

    def follow(self, bid: float, ask: float) -> None:
        """Take what changed in the book since its last mark; ``bid`` and ``ask`` are its best prices (absent: infinite)."""
        mid = (ask + bid) / 2
        if not -inf < mid < inf:
            self._bids.changed()
            self._asks.changed()
            self.values = NOTHING
            return
        if mid != self._mid:
            self._mid, reach = mid, [mid * bps / 10_000 for bps in BANDS_BPS]
            self._limits = [mid - far for far in reach], [-(mid + far) for far in reach]
        bids = self._bids.within(self._limits[0], self.contract_size)
        asks = self._asks.within(self._limits[1], self.contract_size)
        self.values = bids[0], asks[0], bids[1], asks[1], bids[2], asks[2]


class PlainSums:
    """One side: the sum in each band, as integers over 2 ** bits, for the limits (keys) that the bands had last.

    ``kernels.near_sums`` has the same compiled, for the compiled side.
    """

    __slots__ = ("_bits", "_limits", "_scale", "_side", "_size", "_totals", "known")

    def __init__(self, side: BookSide) -> None:
        self._side = side
        self.known = False  # whether the sums are those of the side at its last mark
        self._limits = [inf] * len(BANDS_BPS)
        self._totals = [0] * len(BANDS_BPS)
        self._size: float | None = None
        self._bits = LEAST_BITS
        self._scale = scale_of(LEAST_BITS)

    def within(self, limits: list[float], size: float | None) -> list[float | None]:
        """The worth of the levels at or better than each limit, best limit first."""
        if size != self._size:
            self._size, self.known = size, False
        self.changed()
        if self.known and limits is not self._limits:
            self._move(limits)
        if not self.known:
            self._add_up(limits)
        floor, bits = self._side.floor, self._bits
        return [
            quotient(total, bits) if limit >= floor else None for total, limit in zip(self._totals, limits, strict=True)
        ]

    def changed(self) -> None:
        """Take what changed since the side's last mark inside of the bands that there were then."""
        if not self.known:
            return
        try:
            self.known = self._take_changes()
        except (OverflowError, ValueError):  # an absurd worth: too large for the scale
            self.known = False

    def _take_changes(self) -> bool:
        """The innermost loop: False where a number does not fit the scale. Each price counts in its narrowest band first."""
        get, first, second, third = self._side.quantities.get, *self._limits
        fixed = self._size * self._scale if self._size is not None else None
        per_key = self._scale if third > 0.0 else -self._scale
        smallest = 2.0 ** (54 - self._bits) / (self._size or abs(third))  # all that is worth more fits
        near = middle = far = 0
        for key, before in self._side.undo.items():
            if key >= third:
                now = get(key, 0.0)
                if now != before:
                    if 0.0 < now < smallest:
                        return False
                    weight = key * per_key if fixed is None else fixed
                    change = trunc(weight * now) - trunc(weight * before)
                    if key >= first:
                        near += change
                    elif key >= second:
                        middle += change
                    else:
                        far += change
        middle += near
        totals = self._totals
        self._totals = [totals[0] + near, totals[1] + middle, totals[2] + middle + far]
        return True

    def _move(self, limits: list[float]) -> None:
        """Take in, and let go of, the levels between the old limits and the new ones."""
        keys, quantities, scale, size = self._side.keys, self._side.quantities, self._scale, self._size
        for number, (new, old) in enumerate(zip(limits, self._limits, strict=True)):
            if new == old:
                continue
            lower, upper, sign = (new, old, 1) if new < old else (old, new, -1)
            begin = bisect_left(keys, lower)
            for key in keys[begin : bisect_left(keys, upper, begin)]:
                worth = (size if size is not None else abs(key)) * quantities[key] * scale
                if not worth.is_integer():  # inf is none
                    self.known = False
                    return
                self._totals[number] += sign * int(worth)
        self._limits = limits

    def _add_up(self, limits: list[float]) -> None:
        """Begin anew: after a restart or a repair of the book, and when a number does not fit the scale."""
        side, size = self._side, self._size
        keys = side.keys[bisect_left(side.keys, limits[-1]) :]
        ratios = [((size if size is not None else abs(key)) * side.quantities[key]).as_integer_ratio() for key in keys]
        bits = max((denominator.bit_length() - 1 for _, denominator in ratios), default=0)
        self._bits = max(bits, LEAST_BITS)
        self._scale = scale_of(self._bits)
        self._limits = limits
        self._totals = [0] * len(limits)
        for key, (numerator, denominator) in zip(keys, ratios, strict=True):
            worth = numerator << (self._bits - denominator.bit_length() + 1)
            for number, limit in enumerate(limits):
                if key >= limit:
                    self._totals[number] += worth
        self.known = True


def _sums(side: BookSide) -> PlainSums:
    if _KERNEL is None or type(side) is BookSide:
        return PlainSums(side)
    sums: PlainSums = _KERNEL.Sums(side)
    return sums
