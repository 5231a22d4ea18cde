"""The trades of one instrument: signed aggressor volume over the last trades, and over the last second.

Rule 1: ``@trade`` and ``@aggTrade`` tell the same volume; the kind seen first counts, the other is ignored.
Rule 2: a trade that no order in the book caused (insurance fund, ADL) is no aggression.
Rule 3: an id that was seen or goes back is stale, unless the clock says that the venue restarted its ids.
Rule 4: a trade's time is the newest time of all trades so far, as for books (``orderbook.flow``, rule 2).
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from orderbook.codec import Reader, Writer
from orderbook.events import Trade
from orderbook.windows import MAX_HELD, SECOND_MS, new_window

ID_RESET_MS: Final = 60_000
"""Ids that go back while the clock went ahead by more than this were restarted by the venue."""

CLOCK_RESET_MS: Final = 60_000
"""A clock stands still where time goes back; by more than this, the clock was wrong before, and is set anew."""


class Tape:
    """What was traded lately.

    Attributes:
        clock_ms: Rule 4; 0 before the first trade.
        seen: Whether there was any trade that counts.
    """

    __slots__ = ("_aggregate", "_begun", "_last_id", "_last_ms", "_second", "_window", "clock_ms", "seen")

    def __init__(self, size: int) -> None:
        self._aggregate = False
        self._last_id = -1
        self._last_ms = 0
        self._begun = False
        self._window = new_window(size)
        self._second = new_window(MAX_HELD)
        self.clock_ms = 0
        self.seen = False

    def told(self, now_ms: int) -> tuple[float, float, int]:
        """What there is to tell once ``seen``: sum of the last trades, and sum and number of those of (now - 1 s, now].

        Signed quantities in base units, contracts at COIN-M.
        """
        second = self._second
        last_second = second.sum_after(now_ms - SECOND_MS) if second else 0.0
        return self._window.sum(), last_second, len(second)

    def feed(self, trade: Trade, ignored: Counter[str], notices: Counter[str]) -> None:
        """Take one trade; it is counted as ignored (no trade is a record) by ``trade`` or ``stale``."""
        if self._begun and trade.aggregate != self._aggregate:
            ignored["trade"] += 1
            notices["trade_other_kind"] += 1
            return
        if self._begun and trade.trade_id <= self._last_id:
            if trade.clock_ms - self._last_ms <= ID_RESET_MS:
                ignored["stale"] += 1
                return
            notices["id_reset"] += 1
        ignored["trade"] += 1
        self._begun = True
        self._aggregate = trade.aggregate
        self._last_id = trade.trade_id
        self._last_ms = trade.clock_ms
        self._tick(trade.clock_ms, notices)
        if trade.market:
            self.seen = True
            self._window.push(trade.quantity)
            self._second.push(trade.quantity, self.clock_ms)
        else:
            notices["trade_not_market"] += 1

    def _tick(self, ms: int, notices: Counter[str]) -> None:
        if ms > self.clock_ms:
            self.clock_ms = ms
        elif self.clock_ms - ms > CLOCK_RESET_MS:
            notices["clock_reset"] += 1
            self.clock_ms = ms
            self._second.clear()

    def write(self, out: Writer) -> None:
        """Append this tape to a state."""
        if self is not _NEW and not self._begun:
            out.put_written(_NOTHING_TRADED)  # of many instruments only books are told
            return
        out.put_int(int(self._begun), int(self._aggregate), self._last_id, self._last_ms, self.clock_ms)
        out.put_written(self._window.packed_values())
        out.put_written(self._second.packed_stamps())
        out.put_written(self._second.packed_values())

    @classmethod
    def read(cls, size: int, state: Reader) -> Tape:
        """The tape that ``write`` wrote."""
        tape = cls(size)
        tape._begun, tape._aggregate = bool(state.take_int()), bool(state.take_int())
        tape._last_id, tape._last_ms, tape.clock_ms = state.take_int(), state.take_int(), state.take_int()
        tape._window = new_window(size, state.take_decimals())
        stamps, values = state.take_integers(), state.take_decimals()
        tape._second = new_window(MAX_HELD, values, stamps)
        tape.seen = len(tape._window) > 0
        return tape


def _written(tape: Tape) -> bytes:
    out = Writer()
    tape.write(out)
    return out.done()


_NEW: Final = Tape(1)
_NOTHING_TRADED: Final = _written(_NEW)
"""A tape that was told nothing, in a state: whatever its size."""
