"""Owns the border between integers and decimal text: counts of ticks or lots inside, fixed decimals outside."""

from __future__ import annotations

from functools import lru_cache

_REMEMBERED_TEXTS = 1 << 16


class Grid:
    """A grid of prices or quantities, e.g. every 0.10, written with as many decimals as its step has.

    Args:
        step: Decimal text of one tick or lot; its length fixes the decimals, so "0.01000000" writes eight of them.
    """

    def __init__(self, step: str) -> None:
        whole, _, fraction = step.partition(".")
        self._decimals = len(fraction)
        self._step = int(whole + fraction)
        if self._step <= 0:
            msg = f"expected a step above zero, received {step!r}"
            raise ValueError(msg)
        self._one = 10**self._decimals
        # The same prices and round quantities come again and again; formatting is a third of the run without this.
        self.text = lru_cache(maxsize=_REMEMBERED_TEXTS)(self._text)

    def count(self, text: str) -> int:
        """Return how many steps a decimal text is; it must lie on the grid."""
        whole, _, fraction = text.partition(".")
        digits = fraction[: self._decimals].ljust(self._decimals, "0")
        count, rest = divmod(int(whole + digits), self._step)
        if rest or fraction[self._decimals :].strip("0"):
            msg = f"expected a multiple of the step {self._text(1)}, received {text!r}"
            raise ValueError(msg)
        return count

    def _text(self, count: int) -> str:
        if not self._decimals:
            return str(count * self._step)
        whole, fraction = divmod(count * self._step, self._one)
        return f"{whole}.{fraction:0{self._decimals}d}"
