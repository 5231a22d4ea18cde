"""Sums of floats without rounding on the way."""

from __future__ import annotations


class ExactSum:
    """A sum that depends on what is in it alone, not on the way there; rounded once, as ``math.fsum`` would.

    A float is an integer times a power of two, so numbers are added and taken away as integers over one common power of
    two: exact, and the same whatever came before. ``fsum`` itself would visit all numbers each time.
    """

    __slots__ = ("_bits", "_total")

    def __init__(self) -> None:
        self._total = 0
        self._bits = 0  # the sum is _total / 2 ** _bits

    def add(self, value: float) -> None:
        """Add a finite number; a negative one takes away."""
        numerator, denominator = value.as_integer_ratio()
        bits = denominator.bit_length() - 1
        if bits > self._bits:
            self._total <<= bits - self._bits
            self._bits = bits
        self._total += numerator << (self._bits - bits)

    def rounded(self) -> float:
        """The sum, rounded once."""
        return self._total / (1 << self._bits)
