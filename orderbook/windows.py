"""The last numbers, so many or of the last second, and their sum.

Owns what a window holds. Plain Python here; ``kernels.windows`` has the same compiled.

Rule 1: a window's sum is exact, rounded once: it depends on the window's content alone, not on how it came about. A
        running sum of floats would not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import repeat
from types import ModuleType
from typing import Final

from kernels import compiled
from orderbook.decimals import packed_decimals, packed_integers
from orderbook.exact import ExactSum

SECOND_MS: Final = 1_000

MAX_HELD: Final = 100_000
"""Numbers in a window by time, at most, should time stand still: the oldest fall out first."""

_KERNEL: Final = compiled("windows")


class PlainWindow:
    """At most the last ``size`` numbers, each with the clock at which it came and a mark, where these matter.

    Attributes:
        cut_off: How many numbers are marked so.
    """

    __slots__ = ("_held", "_rounded", "_sum", "cut_off")

    def __init__(self, size: int) -> None:
        self._held: deque[tuple[int, float, bool]] = deque(maxlen=size)
        self._sum = ExactSum()
        self._rounded: float | None = 0.0
        self.cut_off = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def values(self) -> list[float]:
        """The numbers, oldest first."""
        return [value for _, value, _ in self._held]

    @property
    def stamps(self) -> list[int]:
        """The clock at each."""
        return [at_ms for at_ms, _, _ in self._held]

    @property
    def cuts(self) -> list[bool]:
        """The mark of each."""
        return [cut_off for _, _, cut_off in self._held]

    def packed_values(self) -> bytes:
        """The numbers, as ``Reader.take_decimals`` takes them."""
        return packed_decimals(self.values)

    def packed_stamps(self) -> bytes:
        """The clock at each, as ``Reader.take_integers`` takes them."""
        return packed_integers(self.stamps)

    @property
    def since_ms(self) -> int | None:
        """The clock at the oldest; None without any."""
        return self._held[0][0] if self._held else None

    def push(self, value: float, at_ms: int = 0, cut_off: bool = False) -> None:
        """Add a finite number (-0.0 as 0.0); the oldest falls out of a full window. Clocks never go back, but for ``clear``."""
        held = self._held
        if len(held) == held.maxlen:
            self._drop()
        value += 0.0  # a state has no -0.0
        held.append((at_ms, value, cut_off))
        self.cut_off += cut_off
        self._sum.add(value)
        self._rounded = None

    def sum(self) -> float:
        """The exactly rounded sum; 0.0 of an empty window."""
        if self._rounded is None:
            self._rounded = self._sum.rounded()
        return self._rounded

    def sum_after(self, ms: int) -> float:
        """The same of the numbers that came after ``ms``; those before are forgotten."""
        held = self._held
        while held and held[0][0] <= ms:
            self._drop()
        return self.sum()

    def not_after(self, ms: int) -> None:
        """No number came later than ``ms``: the clock was wrong."""
        self._held = deque(((min(at_ms, ms), value, cut) for at_ms, value, cut in self._held), self._held.maxlen)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._sum = ExactSum()
        self._rounded = 0.0
        self.cut_off = 0

    def _drop(self) -> None:
        _, value, cut_off = self._held.popleft()
        self._sum.add(-value)
        self.cut_off -= cut_off
        self._rounded = None


def new_window(
    size: int,
    values: Iterable[float] = (),
    stamps: Iterable[int] = repeat(0),
    cuts: Iterable[bool] = repeat(False),
    *,
    kernel: ModuleType | None = _KERNEL,
) -> PlainWindow:
    """A window that was told ``values``, each at its stamp; ``kernel``: the compiled one, None for this one."""
    window: PlainWindow = PlainWindow(size) if kernel is None else kernel.Window(size)
    for value, at_ms, cut_off in zip(values, stamps, cuts):  # noqa: B905 - endless ones
        window.push(value, at_ms, cut_off)
    return window
