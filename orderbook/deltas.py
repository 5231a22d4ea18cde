"""delta_volume and trade_delta: aggressive events, who caused them, and the windows that sum them up.

Rule: an estimator compares a book with its predecessor, the last one that was neither crossed nor resyncing.
Definitions and worked numbers: docs/metrics.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import inf
from typing import Protocol, TypeAlias

from orderbook.codec import Reader, Writer
from orderbook.presets import Estimator
from orderbook.windows import new_window

Aggression: TypeAlias = tuple[float, bool]
"""What aggressors did between two books: an amount (> 0 buyers, < 0 sellers), and whether it is cut off: they went beyond
the last level that was known, so that they may have taken more."""


class EventWindow:
    """The last ``size`` aggressive events: what they amount to, when they were, and which of them were cut off.

    Events are rare and the window is told with every record: it is all worked out when an event comes.

    Attributes:
        amount: Their exactly rounded sum; 0.0 of none.
        count: How many there are.
        cut_off: How many of them may be larger than is known.
        since_ms: The clock at the oldest; None without any.
    """

    __slots__ = ("_marks", "_window", "amount", "count", "cut_off", "since_ms")

    def __init__(self, size: int, values: Iterable[float] = (), marks: Iterable[tuple[int, bool]] = ()) -> None:
        self._window = new_window(size, values)
        self._marks: deque[tuple[int, bool]] = deque(marks, size)
        self.cut_off = sum(cut for _, cut in self._marks)
        self._work_out()

    def push(self, event: Aggression, at_ms: int) -> None:
        """Add an event at the clock ``at_ms``; the oldest falls out of a full window."""
        (amount, cut_off), marks = event, self._marks
        if len(marks) == marks.maxlen:
            self.cut_off -= marks[0][1]
        marks.append((at_ms, cut_off))
        self.cut_off += cut_off
        self._window.push(amount)
        self._work_out()

    def clock_reset(self, ms: int) -> None:
        """No event was later than ``ms``: the clock was wrong."""
        self._marks = deque(((min(at_ms, ms), cut) for at_ms, cut in self._marks), self._marks.maxlen)
        self._work_out()

    def _work_out(self) -> None:
        self.amount = self._window.sum()
        self.count = len(self._marks)
        self.since_ms = self._marks[0][0] if self._marks else None

    def write(self, out: Writer) -> None:
        """Append this window to a state."""
        out.put_floats(self._window.values)
        out.put_ints([at_ms for at_ms, _ in self._marks])
        out.put_ints([cut for _, cut in self._marks])

    @classmethod
    def read(cls, size: int, state: Reader) -> EventWindow:
        """The window that ``write`` wrote; of a smaller ``size`` the oldest events are dropped."""
        values = state.take_floats()
        return cls(size, values, zip(state.take_ints(), map(bool, state.take_ints()), strict=True))


class Resting(Protocol):
    """What rested in the book that a new one is compared with."""

    def bids_through(self, price: float) -> Aggression:
        """Quantity of its bids at prices >= ``price``."""

    def asks_through(self, price: float) -> Aggression:
        """Quantity of its asks at prices <= ``price``."""


def aggressive_event(
    estimator: Estimator, resting: Resting, before: tuple[float, float], now: tuple[float, float]
) -> Aggression | None:
    """What aggressors did between two books, given by their best bid and ask (absent: -inf and +inf); None: nothing.

    ``swept``: the quantity that rested where the other side now quotes; what must have been taken (base units).
    ``price_gap``: how far the quote moved beyond the opposite best (price units, not a volume).
    """
    (before_bid, before_ask), (bid, ask) = before, now
    if estimator == "swept":
        if bid >= before_ask:
            return resting.asks_through(bid)
        if ask <= before_bid:
            sold, cut_off = resting.bids_through(ask)
            return -sold, cut_off
        return None
    if bid > before_ask:
        return bid - before_ask, False
    if ask < before_bid:
        return ask - before_bid, False
    return None


NO_BID, NO_ASK = -inf, inf
