"""What one kind of book (partial, or full) of an instrument has been through, from each book to the next.

Owns the clock, the predecessor's best levels, and what is made of a book and its predecessor: aggressive events and their
window, order-flow imbalance and its decaying sums. A lane decides which books count and hands them over.

Rule 1: the predecessor is the last book that was neither crossed nor resyncing; ``forget`` is for a resync.
Rule 2: the clock is the newest time of all messages, crossed and resyncing ones too, so it stands still where time goes
        back. Only a step back of more than a minute is believed: one time out of the future would stop it for ever.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Final, NamedTuple

from kernels import compiled
from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, Aggression, Resting, aggressive_event
from orderbook.ofi import FAST, NO_PREDECESSOR, SLOW
from orderbook.presets import ESTIMATORS, MeasureConfig
from orderbook.tape import CLOCK_RESET_MS
from orderbook.windows import MAX_HELD, PlainWindow, new_window

KERNEL: Final = compiled("flow")
_LITTLE: Final = sys.byteorder == "little"


class Rules(NamedTuple):
    """What a flow is told once, so that the compiled one need not know it."""

    aggression: Callable[[Resting, tuple[float, float], tuple[float, float]], Aggression | None]
    """Of what rested, and the best prices before and now."""
    fast: Mapping[int, float]
    slow: Mapping[int, float]
    clock_reset_ms: int
    no_predecessor: int
    swept: bool
    """Whether ``aggression`` is that of the estimator ``swept``, which kernels have of their own; else it is ``price_gap``'s."""


class PlainFlow:
    """From book to book. Plain Python here; ``kernels.flow`` has the same compiled.

    Attributes:
        clock_ms: Rule 2; 0 before the first message.
        taken_ms: The clock at the last book.
        known: Whether there is a predecessor.
        place: Where the predecessor's levels are (see ``orderbook.ofi``).
        bid, bid_quantity, ask, ask_quantity: Its best levels (absent: -inf or +inf, 0.0).
        ofi: Order-flow imbalance of the last book against its predecessor, None when it had none.
        ofi_fast: Decaying sum of ``ofi`` with a time constant of 500 ms.
        ofi_slow: The same with 2 s.
        events: The last aggressive events; those that are cut off are marked.
        second: Those of the last second of the clock, however many.
    """

    __slots__ = (
        "_rules",
        "ask",
        "ask_quantity",
        "bid",
        "bid_quantity",
        "clock_ms",
        "events",
        "known",
        "ofi",
        "ofi_fast",
        "ofi_slow",
        "place",
        "second",
        "taken_ms",
    )

    def __init__(self, events: PlainWindow, second: PlainWindow, rules: Rules) -> None:
        self._rules = rules
        self.clock_ms = self.taken_ms = 0
        self.ofi: float | None = None
        self.ofi_fast = 0.0
        self.ofi_slow = 0.0
        self.events = events
        self.second = second
        self.forget()

    def forget(self) -> None:
        """There is no predecessor; windows and decaying sums stay."""
        self.known = False
        self.bid, self.bid_quantity, self.ask, self.ask_quantity = NO_BID, 0.0, NO_ASK, 0.0
        self.place = self._rules.no_predecessor

    def tick(self, ms: int, notices: Counter[str]) -> None:
        """Take the time of a message."""
        if ms > self.clock_ms:
            self.clock_ms = ms
        elif self.clock_ms - ms > self._rules.clock_reset_ms:
            notices["clock_reset"] += 1
            self.clock_ms = self.taken_ms = ms
            self.events.not_after(ms)
            self.second.clear()

    def take(self, bid: float, bid_quantity: float, ask: float, ask_quantity: float, resting: Resting) -> None:
        """Take a book that counts, by its best levels (absent: -inf or +inf, 0.0); it is the predecessor from now on.

        ``resting`` tells what rested in the predecessor.
        """
        before_bid, before_ask = self.bid, self.ask
        if bid >= before_ask or ask <= before_bid:
            event = self._rules.aggression(resting, (before_bid, before_ask), (bid, ask))
            if event is not None:
                amount, cut_off = event
                self.events.push(amount, self.clock_ms, cut_off)
                self.second.push(amount, self.clock_ms)
        passed_ms = self.clock_ms - self.taken_ms
        if passed_ms:
            self.ofi_fast *= self._rules.fast[passed_ms]
            self.ofi_slow *= self._rules.slow[passed_ms]
            self.taken_ms = self.clock_ms
        if self.known:
            ofi = 0.0
            if bid >= before_bid:
                ofi += bid_quantity
            if bid <= before_bid:
                ofi -= self.bid_quantity
            if ask <= before_ask:
                ofi -= ask_quantity
            if ask >= before_ask:
                ofi += self.ask_quantity
            self.ofi = ofi
            self.ofi_fast += ofi
            self.ofi_slow += ofi
        else:
            self.ofi = None
            self.known = True
        self.bid, self.bid_quantity, self.ask, self.ask_quantity = bid, bid_quantity, ask, ask_quantity


_RULES: Final = {
    estimator: Rules(
        partial(aggressive_event, estimator), FAST, SLOW, CLOCK_RESET_MS, NO_PREDECESSOR, estimator == "swept"
    )
    for estimator in ESTIMATORS
}


def new_flow(config: MeasureConfig, kernel: ModuleType | None = KERNEL) -> PlainFlow:
    """A flow that took nothing yet; ``kernel``: the compiled one, None for the plain one."""
    windows = compiled("windows") if kernel is not None else None
    events, second = (new_window(size, kernel=windows) for size in (config.delta_volume_window, MAX_HELD))
    made: PlainFlow = (PlainFlow if kernel is None else kernel.Flow)(events, second, _RULES[config.delta_estimator])
    return made


def begun(flow: PlainFlow) -> bool:
    """Whether there was anything to remember yet."""
    return flow.known or flow.clock_ms != 0 or len(flow.events) != 0


def resume(flow: PlainFlow, place: int, *, comparable: bool) -> None:
    """Say, after ``read_flow``, where the predecessor's levels are, if it has one whose levels can be compared."""
    flow.place = place if flow.known and comparable else NO_PREDECESSOR


def write_flow(out: Writer, flow: PlainFlow) -> None:
    """Append a flow to a state."""
    packed = getattr(flow, "packed", None)  # the compiled one has
    if packed is not None and _LITTLE:
        out.put_written(packed())
        return
    out.put_int(flow.clock_ms, flow.taken_ms, int(flow.known))
    out.put_float(flow.bid, flow.bid_quantity, flow.ask, flow.ask_quantity, flow.ofi_fast, flow.ofi_slow)
    events, second = flow.events, flow.second
    out.put_written(events.packed_values())
    out.put_written(events.packed_stamps())
    out.put_integers(events.cuts)
    out.put_written(second.packed_stamps())
    out.put_written(second.packed_values())


def read_flow(state: Reader, flow: PlainFlow) -> None:
    """Make of a new flow the one that was written; where the predecessor's levels are, the lane says."""
    flow.clock_ms, flow.taken_ms, flow.known = state.take_int(), state.take_int(), bool(state.take_int())
    flow.bid, flow.bid_quantity = state.take_float(), state.take_float()
    flow.ask, flow.ask_quantity = state.take_float(), state.take_float()
    flow.ofi_fast, flow.ofi_slow = state.take_float(), state.take_float()
    values, stamps, cuts = state.take_decimals(), state.take_integers(), state.take_integers()
    for value, at_ms, cut_off in zip(values, stamps, map(bool, cuts), strict=True):
        flow.events.push(value, at_ms, cut_off)
    stamps, values = state.take_integers(), state.take_decimals()
    for value, at_ms in zip(values, stamps, strict=True):
        flow.second.push(value, at_ms)
