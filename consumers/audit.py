"""One instrument's records judged by the exchange's own words: its quotes and its trades. Pure, incremental, exact.

Rule 1: raw messages and records may come in any interleaving, each of the two in its own order; a record is judged as
        soon as what it must agree with is known for certain.
Rule 2: a quote comparison is a record in state ``live`` against the last quote whose update id is <= the record's:
        price and quantity of both sides, equal as numbers.
Rule 3: a trade comparison is any record's ``trade_delta`` against the trades that stand before its message.
Rule 4: ids that go back are a repetition, unless the clock went ahead by more than a minute: then the venue restarted its
        ids, and what comes from there on is held against what comes from there on.
Rule 5: what could not be compared is counted by reason, never passed over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from math import fsum, inf
from typing import Any, Final, NamedTuple, TypeAlias

from consumers.witness import Quote, TradeSeen

Record: TypeAlias = Mapping[str, Any]

BEST: Final = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
_SHOWN: Final = 3
_RESTART_MS: Final = 60_000
_KEPT_QUOTES: Final = 50_000
_KEPT_BEHIND: Final = 2_000
"""Quotes older than the newest judged record that stay: an instrument with two depth streams has ids that interleave."""


class Difference(NamedTuple):
    """One comparison that failed."""

    what: str
    seq: int
    expected: object
    received: object

    def __str__(self) -> str:
        return f"record seq {self.seq}: expected {self.what} {self.expected}, received {self.received}"


class Audit:
    """What is known of one instrument, and how its records compare.

    Args:
        window: The job's ``delta_volume_window``.

    Attributes:
        quotes: Best bid and ask comparisons, by ``equal`` and ``unequal``.
        trades: ``trade_delta`` comparisons, likewise.
        skipped: Records without a quote comparison: their state if it is not live, or ``no_quote``.
        differences: The first few that failed.
        last_record: The newest record, None before the first.
    """

    def __init__(self, window: int) -> None:
        self.quotes: Counter[str] = Counter()
        self.trades: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.differences: list[Difference] = []
        self.last_record: Record | None = None
        self._before: tuple[int, list[int], list[tuple[float, float, float, float]]] = (-1, [], [])
        self._clock_ms = 0  # of the newest quote
        self._ids: list[int] = []  # update ids of the quotes since the last restart, ascending
        self._best: list[tuple[float, float, float, float]] = []
        self._open: list[tuple[int, int, int, Record]] = []  # by update id: records whose quote may still come
        self._order = count()  # breaks ties between equal ids
        self._position = -1  # of the newest raw message
        self._coming: deque[tuple[int, float]] = deque()  # trades not yet in the window, with their positions
        self._waiting: deque[tuple[int, Record]] = deque()  # records whose message has not been read yet
        self._window: deque[float] = deque(maxlen=window)
        self._sum: float | None = None
        self._last_trade: TradeSeen | None = None

    def raw(self, position: int, testimony: object) -> None:
        """Take the raw message at ``position`` (any number that rises with the order of the messages)."""
        self._position = position
        if isinstance(testimony, Quote):
            self._quote(position, testimony)
        elif isinstance(testimony, TradeSeen):
            self._trade(position, testimony)
        while self._waiting and self._waiting[0][0] <= position:
            self._judge_trades(*self._waiting.popleft())

    def record(self, position: int, record: Record) -> None:
        """Take the record that the raw message at ``position`` caused."""
        self.last_record = record
        if position <= self._position:
            self._judge_trades(position, record)
        else:
            self._waiting.append((position, record))
        if record["state"] not in {"live", "thin"}:
            self.skipped[record["state"]] += 1
        elif record["update_id"] is None:
            self.skipped["no_quote"] += 1
        elif position < self._before[0] or (self._ids and self._ids[-1] > record["update_id"]):
            self._judge_quote(position, record)
        else:
            heappush(self._open, (record["update_id"], next(self._order), position, record))

    def finish(self) -> None:
        """No more will come: judge what waited, by what is known."""
        self._judge_open()
        while self._waiting:
            self._judge_trades(*self._waiting.popleft())

    def _quote(self, position: int, quote: Quote) -> None:
        if self._ids and quote.update_id <= self._ids[-1]:
            if quote.clock_ms - self._clock_ms <= _RESTART_MS:
                return  # a repetition
            self._judge_open(position)
            self._before = position, self._ids, self._best
            self._ids, self._best = [], []
        while self._open and self._open[0][0] < quote.update_id:
            self._judge_quote(*heappop(self._open)[2:])
        self._clock_ms = quote.clock_ms
        self._ids.append(quote.update_id)
        self._best.append(quote.best)

    def _judge_open(self, before: float = inf) -> None:
        """Judge what waited for a later quote and stood before a position; none will come."""
        kept = [entry for entry in self._open if entry[2] >= before]
        for _, _, position, record in sorted(self._open, key=lambda entry: entry[:2]):
            if position < before:
                self._judge_quote(position, record)
        heapify(kept)
        self._open = kept

    def _judge_quote(self, position: int, record: Record) -> None:
        restart, ids, bests = self._before
        if position >= restart:
            ids, bests = self._ids, self._best
        at = bisect_right(ids, record["update_id"]) - 1
        if at < 0:
            self.skipped["no_quote"] += 1
            return
        received = tuple(record[name] for name in BEST)
        self._compared(self.quotes, "best bid and ask", record, bests[at], received)
        if at > _KEPT_QUOTES:
            del ids[: at - _KEPT_BEHIND], bests[: at - _KEPT_BEHIND]

    def _trade(self, position: int, trade: TradeSeen) -> None:
        last = self._last_trade
        if last is not None and trade.aggregate != last.aggregate:
            return  # the other kind tells the same volume again
        if last is not None and trade.trade_id <= last.trade_id and trade.clock_ms - last.clock_ms <= _RESTART_MS:
            return  # a repetition
        self._last_trade = trade
        if trade.market:
            self._coming.append((position, trade.quantity))

    def _judge_trades(self, position: int, record: Record) -> None:
        while self._coming and self._coming[0][0] < position:
            self._window.append(self._coming.popleft()[1])
            self._sum = None
        if self._sum is None and self._window:
            self._sum = fsum(self._window)
        self._compared(self.trades, "trade_delta", record, self._sum, record["trade_delta"])

    def _compared(self, counts: Counter[str], what: str, record: Record, expected: object, received: object) -> None:
        equal = expected == received
        counts["equal" if equal else "unequal"] += 1
        if not equal and len(self.differences) < _SHOWN:
            self.differences.append(Difference(what, record["seq"], expected, received))
