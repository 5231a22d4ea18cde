"""Numbers of the last moments, by a clock that somebody else keeps.

Owns the window by time and its sum, and what is believed of a time that goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from orderbook.codec import Reader, Writer
from orderbook.exact import ExactSum

SECOND_MS: Final = 1_000

CLOCK_RESET_MS: Final = 60_000
"""A clock stands still where time goes back; by more than this, the clock was wrong before, and is set anew."""

MAX_HELD: Final = 100_000
"""Numbers in a window, at most, should time stand still: the oldest fall out first."""


class ClockWindow:
    """The numbers of the last second, and their exact sum.

    The caller's clock never goes back between two calls, but for ``clear``.

    Attributes:
        held: (clock, number), oldest first; to be read only. Some may be older than a second until ``sum`` is asked for.
    """

    __slots__ = ("_rounded", "_sum", "held")

    def __init__(self, held: Iterable[tuple[int, float]] = ()) -> None:
        self.held: deque[tuple[int, float]] = deque()
        self._sum = ExactSum()
        self._rounded: float | None = 0.0
        for at_ms, value in held:
            self.push(at_ms, value)

    def __len__(self) -> int:
        return len(self.held)

    def push(self, at_ms: int, value: float) -> None:
        """Add a number at the clock ``at_ms``."""
        if len(self.held) == MAX_HELD:
            self._drop()
        self.held.append((at_ms, value))
        self._sum.add(value)
        self._rounded = None

    def sum(self, now_ms: int) -> float:
        """Sum of the numbers in (now - 1 s, now]; those before are forgotten."""
        held, begin = self.held, now_ms - SECOND_MS
        while held and held[0][0] <= begin:
            self._drop()
        if self._rounded is None:
            self._rounded = self._sum.rounded()
        return self._rounded

    def clear(self) -> None:
        """Forget everything."""
        self.held.clear()
        self._sum = ExactSum()
        self._rounded = 0.0

    def _drop(self) -> None:
        self._sum.add(-self.held.popleft()[1])
        self._rounded = None

    def write(self, out: Writer) -> None:
        """Append this window to a state."""
        out.put_ints(at_ms for at_ms, _ in self.held)
        out.put_floats(value for _, value in self.held)

    @classmethod
    def read(cls, state: Reader) -> ClockWindow:
        """The window that ``write`` wrote."""
        return cls(zip(state.take_ints(), state.take_floats(), strict=True))
