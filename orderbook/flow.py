"""What one kind of book (partial, or full) of an instrument has been through, from each book to the next.

Owns the clock, the predecessor's best levels, and what is made of a book and its predecessor: aggressive events and their
window, order-flow imbalance and its decaying sums. A lane decides which books count and hands them over.

Rule 1: the predecessor is the last book that was neither crossed nor resyncing; ``forget`` is for a resync.
Rule 2: the clock is the newest time of all messages, crossed and resyncing ones too, so it stands still where time goes
        back. Only a step back of more than a minute is believed: one time out of the future would stop it for ever.
"""

from __future__ import annotations

from collections import Counter

from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, EventWindow, Resting, aggressive_event
from orderbook.ofi import FAST, NO_PREDECESSOR, SLOW
from orderbook.presets import MeasureConfig
from orderbook.tape import CLOCK_RESET_MS
from orderbook.windows import MAX_HELD, new_window


class Flow:
    """From book to book.

    Attributes:
        clock_ms: Rule 2; 0 before the first message.
        place: Where the predecessor's levels are (see ``orderbook.ofi``).
        ofi: Order-flow imbalance of the last book against its predecessor, None when it had none.
        ofi_fast: Decaying sum of ``ofi`` with a time constant of 500 ms.
        ofi_slow: The same with 2 s.
        events: The last aggressive events.
        second: Those of the last second of the clock, however many.
    """

    __slots__ = (
        "_ask",
        "_ask_quantity",
        "_bid",
        "_bid_quantity",
        "_estimator",
        "_known",
        "_taken_ms",
        "clock_ms",
        "events",
        "ofi",
        "ofi_fast",
        "ofi_slow",
        "place",
        "second",
    )

    def __init__(self, config: MeasureConfig) -> None:
        self._estimator = config.delta_estimator
        self._taken_ms = 0  # the clock at the last book
        self.clock_ms = 0
        self.ofi: float | None = None
        self.ofi_fast = 0.0
        self.ofi_slow = 0.0
        self.events = EventWindow(config.delta_volume_window)
        self.second = new_window(MAX_HELD)
        self.forget()

    @property
    def begun(self) -> bool:
        """Whether there was anything to remember yet."""
        return self._known or self.clock_ms != 0 or self.events.count != 0

    def forget(self) -> None:
        """There is no predecessor; windows and decaying sums stay."""
        self._known = False
        self._bid, self._bid_quantity, self._ask, self._ask_quantity = NO_BID, 0.0, NO_ASK, 0.0
        self.place = NO_PREDECESSOR

    def resume(self, place: int, *, comparable: bool) -> None:
        """Say, after ``read``, where the predecessor's levels are, if it has one whose levels can be compared."""
        self.place = place if self._known and comparable else NO_PREDECESSOR

    def tick(self, ms: int, notices: Counter[str]) -> None:
        """Take the time of a message."""
        if ms > self.clock_ms:
            self.clock_ms = ms
        elif self.clock_ms - ms > CLOCK_RESET_MS:
            notices["clock_reset"] += 1
            self.clock_ms = self._taken_ms = ms
            self.events.clock_reset(ms)
            self.second.clear()

    def take(self, bid: float, bid_quantity: float, ask: float, ask_quantity: float, resting: Resting) -> None:
        """Take a book that counts, by its best levels (absent: -inf or +inf, 0.0); it is the predecessor from now on.

        ``resting`` tells what rested in the predecessor.
        """
        before_bid, before_ask = self._bid, self._ask
        if bid >= before_ask or ask <= before_bid:
            event = aggressive_event(self._estimator, resting, (before_bid, before_ask), (bid, ask))
            if event is not None:
                self.events.push(event, self.clock_ms)
                self.second.push(event[0], self.clock_ms)
        passed_ms = self.clock_ms - self._taken_ms
        if passed_ms:
            self.ofi_fast *= FAST[passed_ms]
            self.ofi_slow *= SLOW[passed_ms]
            self._taken_ms = self.clock_ms
        if self._known:
            ofi = 0.0
            if bid >= before_bid:
                ofi += bid_quantity
            if bid <= before_bid:
                ofi -= self._bid_quantity
            if ask <= before_ask:
                ofi -= ask_quantity
            if ask >= before_ask:
                ofi += self._ask_quantity
            self.ofi = ofi
            self.ofi_fast += ofi
            self.ofi_slow += ofi
        else:
            self.ofi = None
            self._known = True
        self._bid, self._bid_quantity, self._ask, self._ask_quantity = bid, bid_quantity, ask, ask_quantity

    def write(self, out: Writer) -> None:
        """Append this flow to a state."""
        out.put_int(self.clock_ms, self._taken_ms, int(self._known))
        out.put_float(self._bid, self._bid_quantity, self._ask, self._ask_quantity, self.ofi_fast, self.ofi_slow)
        self.events.write(out)
        out.put_ints(self.second.stamps)
        out.put_floats(self.second.values)

    def read(self, size: int, state: Reader) -> None:
        """Become the flow that ``write`` wrote; where the predecessor's levels are, the lane says."""
        self.clock_ms, self._taken_ms, self._known = state.take_int(), state.take_int(), bool(state.take_int())
        self._bid, self._bid_quantity = state.take_float(), state.take_float()
        self._ask, self._ask_quantity = state.take_float(), state.take_float()
        self.ofi_fast, self.ofi_slow = state.take_float(), state.take_float()
        self.events = EventWindow.read(size, state)
        stamps, values = state.take_ints(), state.take_floats()
        self.second = new_window(MAX_HELD, values, stamps)
