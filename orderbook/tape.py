"""The trades of one instrument: signed aggressor volume over the last trades.

Rule 1: ``@trade`` and ``@aggTrade`` tell the same volume; the kind seen first counts, the other is ignored.
Rule 2: a trade that no order in the book caused (insurance fund, ADL) is no aggression.
Rule 3: an id that was seen or goes back is stale, unless the clock says that the venue restarted its ids.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from orderbook.codec import Reader, Writer
from orderbook.deltas import Window
from orderbook.events import Trade

ID_RESET_MS: Final = 60_000
"""Ids that go back while the clock went ahead by more than this were restarted by the venue."""


class Tape:
    """What was traded lately."""

    __slots__ = ("_aggregate", "_clock_ms", "_last_id", "_seen", "_window")

    def __init__(self, size: int) -> None:
        self._aggregate = False
        self._last_id = -1
        self._clock_ms = 0
        self._seen = False
        self._window = Window(size)

    def trade_delta(self) -> float | None:
        """Sum of the signed quantities in the window (base units, contracts at COIN-M); None before any trade."""
        return self._window.sum() if len(self._window) else None

    def feed(self, trade: Trade, ignored: Counter[str], notices: Counter[str]) -> None:
        """Take one trade; it is counted as ignored (no trade is a record) by ``trade`` or ``stale``."""
        if self._seen and trade.aggregate != self._aggregate:
            ignored["trade"] += 1
            notices["trade_other_kind"] += 1
            return
        if self._seen and trade.trade_id <= self._last_id:
            if trade.clock_ms - self._clock_ms <= ID_RESET_MS:
                ignored["stale"] += 1
                return
            notices["id_reset"] += 1
        ignored["trade"] += 1
        self._seen = True
        self._aggregate = trade.aggregate
        self._last_id = trade.trade_id
        self._clock_ms = trade.clock_ms
        if trade.market:
            self._window.push(trade.quantity)
        else:
            notices["trade_not_market"] += 1

    def write(self, out: Writer) -> None:
        """Append this tape to a state."""
        out.put_int(int(self._seen), int(self._aggregate), self._last_id, self._clock_ms)
        self._window.write(out)

    @classmethod
    def read(cls, size: int, state: Reader) -> Tape:
        """The tape that ``write`` wrote."""
        tape = cls(size)
        tape._seen, tape._aggregate = bool(state.take_int()), bool(state.take_int())
        tape._last_id, tape._clock_ms = state.take_int(), state.take_int()
        tape._window = Window.read(size, state)
        return tape
