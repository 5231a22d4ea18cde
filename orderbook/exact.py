"""Sums of floats without rounding on the way."""

from __future__ import annotations

from math import inf, trunc
from typing import Final

LEAST_BITS: Final = 96
"""Enough for any number from 2 ** -44 on (6e-14), whatever its digits."""

_UNIT: Final = 2.0**-LEAST_BITS
_MOST_BITS: Final = 960


class ExactSum:
    """A sum that depends on what is in it alone, not on the way there; rounded once, as ``math.fsum`` would.

    A float is an integer times a power of two, so numbers are added and taken away as integers over one common power of
    two: exact, and the same whatever came before. ``fsum`` itself would visit all numbers each time.
    """

    __slots__ = ("_bits", "_scale", "_total")

    def __init__(self) -> None:
        self._total = 0
        self._bits = LEAST_BITS  # the sum is _total / 2 ** _bits
        self._scale = scale_of(LEAST_BITS)

    def add(self, value: float) -> None:
        """Add a finite number; a negative one takes away."""
        scaled = value * self._scale
        if scaled.is_integer():  # neither infinite nor nan is
            self._total += trunc(scaled)
            return
        numerator, denominator = value.as_integer_ratio()
        bits = denominator.bit_length() - 1
        if bits > self._bits:
            self._total <<= bits - self._bits
            self._bits = bits
            self._scale = scale_of(bits)
        self._total += numerator << (self._bits - bits)

    def rounded(self) -> float:
        """The sum, rounded once."""
        return quotient(self._total, self._bits)


def quotient(total: int, bits: int) -> float:
    """What ``total / 2 ** bits`` is, rounded once."""
    if bits == LEAST_BITS:
        try:
            return float(total) * _UNIT  # half the price of a division; a power of two rounds nothing
        except OverflowError:
            pass
    return total / (1 << bits)


def scale_of(bits: int) -> float:
    """2 ** bits as a factor that turns floats into integers; infinite, and of no use, where floats end."""
    return 2.0**bits if bits <= _MOST_BITS else inf
