"""Partial depth of one instrument: each message is a whole (short) book, so only its predecessor is remembered.

Owns the ids and the flow of the partial messages. An instrument may be told partial depth and differences at
once; each is a lane of its own, because their ids interleave and a sweep seen by both must not count twice.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, Aggression
from orderbook.events import Partial
from orderbook.flow import Flow
from orderbook.metrics import Block
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED
from orderbook.tape import ID_RESET_MS

STALE = -1
"""In the place of a state: the message is no record."""


class PartialLane:
    """The last accepted partial book, and the flow to it.

    Attributes:
        flow: From book to book.
        levels: The predecessor, shape (2, w, 2): side, level, (price, quantity).
    """

    __slots__ = ("_clock_ms", "_last_id", "flow", "levels")

    def __init__(self, flow: Flow) -> None:
        self._last_id = -1
        self._clock_ms = 0
        self.flow = flow
        self.levels: np.ndarray[Any, np.dtype[np.float64]] = np.zeros((2, 0, 2))

    def feed(self, event: Partial, best: list[float], levels: Block, notices: Counter[str]) -> int:
        """Take one partial book and say its state, or STALE.

        ``best`` is bid, quantity, ask, quantity (0.0: none), ``levels`` the block that ``event.row`` points into.
        """
        update_id, ms = event.update_id, clock_ms(event)
        if update_id is not None:
            if update_id < self._last_id and not self._restarted(ms, notices):
                return STALE
            self._last_id = update_id
            self._clock_ms = ms
        flow = self.flow
        flow.tick(ms, notices)
        bid, bid_quantity, ask, ask_quantity = best
        if 0.0 < bid < ask:
            state = LIVE
        elif bid and ask:
            return CROSSED
        else:
            state = ONE_SIDED if bid or ask else EMPTY
            bid, ask = bid or NO_BID, ask or NO_ASK
        flow.take(bid, bid_quantity, ask, ask_quantity, self)
        self.levels = levels[event.row]
        return state

    def _restarted(self, ms: int, notices: Counter[str]) -> bool:
        """Whether an id that went back is the venue's restart, not an old message."""
        if ms - self._clock_ms <= ID_RESET_MS:
            return False
        notices["id_reset"] += 1
        return True

    def asks_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's asks at prices <= ``price``, as far as its levels reach."""
        total, last = 0.0, price
        for level, quantity in self.levels[1].tolist():
            if level > price:
                return total, False
            if not level:
                break
            total, last = total + quantity, level
        return total, last < price

    def bids_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's bids at prices >= ``price``, as far as its levels reach."""
        total, last = 0.0, price
        for level, quantity in self.levels[0].tolist():
            if not level:
                break
            if level < price:
                return total, False
            total, last = total + quantity, level
        return total, last > price

    def settle(self) -> None:
        """Let go of the block that the last levels lie in (it holds a whole poll)."""
        if self.levels.base is not None:
            self.levels = self.levels.copy()

    def write(self, out: Writer) -> None:
        """Append this lane to a state."""
        out.put_int(self._last_id, self._clock_ms)
        self.flow.write(out)
        for side in (0, 1):
            levels = self.levels[side]
            out.put_floats(levels[levels[:, 0] > 0.0].ravel().tolist())

    def read(self, size: int, state: Reader) -> None:
        """Become the lane that ``write`` wrote."""
        self._last_id, self._clock_ms = state.take_int(), state.take_int()
        self.flow.read(size, state)
        bids, asks = state.take_floats(), state.take_floats()
        self.levels = stack_levels([(bids, asks)])[0]


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
