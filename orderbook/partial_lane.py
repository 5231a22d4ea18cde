"""Partial depth of one instrument: each message is a whole (short) book, so only its predecessor is remembered.

Owns the ids and the delta window of the partial messages. An instrument may be told partial depth and differences at
once; each is a lane of its own, because their ids interleave and a sweep seen by both must not count twice.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, Window, aggressive_event
from orderbook.events import Partial
from orderbook.metrics import Block
from orderbook.presets import Estimator
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED
from orderbook.tape import ID_RESET_MS

STALE = -1
"""In the place of a state: the message is no record."""


class PartialLane:
    """The last accepted partial book and the delta window."""

    __slots__ = ("_clock_ms", "_estimator", "_last_id", "_levels", "best_ask", "best_bid", "window")

    def __init__(self, estimator: Estimator, window: Window) -> None:
        self._estimator = estimator
        self._last_id = -1
        self._clock_ms = 0
        self._levels: np.ndarray[Any, np.dtype[np.float64]] = np.zeros((2, 0, 2))
        self.best_bid = NO_BID
        self.best_ask = NO_ASK
        self.window = window

    def feed(self, event: Partial, bid: float, ask: float, levels: Block, notices: Counter[str]) -> int:
        """Take one partial book with best prices ``bid`` and ``ask`` (0.0: none) and say its state, or STALE.

        ``levels`` is the block that ``event.row`` points into.
        """
        update_id = event.update_id
        if update_id is not None:
            if update_id < self._last_id and not self._restarted(event, notices):
                return STALE
            self._last_id = update_id
            self._clock_ms = clock_ms(event)
        if 0.0 < bid < ask:
            state = LIVE
        elif bid and ask:
            return CROSSED
        else:
            state = ONE_SIDED if bid or ask else EMPTY
            bid, ask = bid or NO_BID, ask or NO_ASK
        if bid >= self.best_ask or ask <= self.best_bid:
            delta = aggressive_event(self._estimator, self, bid, ask)
            if delta is not None:
                self.window.push(delta)
        self.best_bid, self.best_ask, self._levels = bid, ask, levels[event.row]
        return state

    def _restarted(self, event: Partial, notices: Counter[str]) -> bool:
        """Whether an id that went back is the venue's restart, not an old message."""
        if clock_ms(event) - self._clock_ms <= ID_RESET_MS:
            return False
        notices["id_reset"] += 1
        return True

    def asks_through(self, price: float) -> float:
        """Quantity of the predecessor's asks at prices <= ``price``, as far as its levels reach."""
        total = 0.0
        for level, quantity in self._levels[1].tolist():
            if level > price:
                break
            total += quantity  # absent levels, at the end, are 0.0
        return total

    def bids_through(self, price: float) -> float:
        """Quantity of the predecessor's bids at prices >= ``price``, as far as its levels reach."""
        total = 0.0
        for level, quantity in self._levels[0].tolist():
            if level < price:
                break
            total += quantity
        return total

    def settle(self) -> None:
        """Let go of the block that the last levels lie in (it holds a whole poll)."""
        if self._levels.base is not None:
            self._levels = self._levels.copy()

    def write(self, out: Writer) -> None:
        """Append this lane to a state."""
        out.put_int(self._last_id, self._clock_ms)
        out.put_float(self.best_bid, self.best_ask)
        for side in (0, 1):
            levels = self._levels[side]
            out.put_floats(levels[levels[:, 0] > 0.0].ravel().tolist())
        self.window.write(out)

    def read(self, size: int, state: Reader) -> None:
        """Become the lane that ``write`` wrote."""
        self._last_id, self._clock_ms = state.take_int(), state.take_int()
        self.best_bid, self.best_ask = state.take_float(), state.take_float()
        bids, asks = state.take_floats(), state.take_floats()
        self._levels = stack_levels([(bids, asks)])[0]
        self.window = Window.read(size, state)


def clock_ms(event: Partial) -> int:
    """Event time, or where the message has none (spot partial depth) the time it was received."""
    if event.event_time_ms is not None:
        return event.event_time_ms
    return event.receive_time_ns // 1_000_000 if event.receive_time_ns is not None else event.timestamp_ms


def stack_levels(books: list[tuple[list[float], list[float]]]) -> Block:
    """Books given as flat price, quantity lists of bids and asks, as one zero-padded block.

    >>> stack_levels([([99.0, 1.0], [101.0, 2.0, 102.0, 3.0])]).shape
    (1, 2, 2, 2)
    """
    width = max((len(side) for book in books for side in book), default=0)
    padding = [0.0] * width
    flat: list[float] = []
    for book in books:
        for side in book:
            flat += side
            flat += padding[len(side) :]
    return np.array(flat, np.float64).reshape(len(books), 2, width // 2, 2)
