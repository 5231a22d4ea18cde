"""A small exchange that speaks of its book by script: what it sends is drawn, what is true is known.

A script is a list of plain tuples, so that Hypothesis can shrink it; ``perform`` turns it into messages. The exchange
keeps its true book for every id that it has given out: a snapshot may be late, early, or much too old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from orderbook import Diff, Partial, Quote, Snapshot, Trade
from orderbook.events import Side
from tests.orderbook.feeds import Book, Told

QUANTITIES: Final = (0.1, 0.2, 0.3, 0.7, 1.0, 2.5, 5.0, 40.0)
SNAPSHOT_LEVELS: Final = 20
"""A limit of Binance's: a side with so many levels was cut off."""
STEP_MS: Final = 100
RESTART_MS: Final = 60_001
BACK_MS: Final = (100, 250, 950, 1_300, 61_000)
"""How far the venue's clock goes back at once: from standing still to a clock that was wrong before."""


class Change(NamedTuple):
    """How the book moves before a message: the mid by ``move`` ticks, and levels at distances from it.

    Each level is (side, distance, index of QUANTITIES or -1 for none); the best price may get lost, a side may empty.
    """

    move: int
    levels: tuple[tuple[int, int, int], ...]
    keeps_order: bool = True


class Step(NamedTuple):
    """One line of a script: what to send (see ``Venue.send``), after which change; ``by`` is the step's own number."""

    what: str
    change: Change
    by: int = 0


def tick(index: int) -> float:
    """Prices as decimal text has them: 100.1, not 100.10000000000001."""
    return round(100 + index / 10, 1)


class Venue:
    """The true book, the ids that were given out, and what was sent.

    Args:
        futures: Chains by ``pu`` with ids that skip; else spot's dense ids.
        aggregate: Trades come as ``aggTrade`` first.
        deep: The book has more levels than a snapshot tells, and moves faster.
    """

    def __init__(self, *, futures: bool, aggregate: bool = False, deep: bool = False) -> None:
        self.futures = futures
        self.aggregate = aggregate
        self.mid = 0
        self.deep = deep
        levels = range(30 if deep else 1)
        self.sides: tuple[dict[int, float], dict[int, float]] = (
            {-i: QUANTITIES[-i % 7] for i in levels},
            {1 + i: QUANTITIES[i % 7] for i in levels},
        )
        self.id = 1_000
        self.trade_id = 1_000_000  # far from 0: restarts and old ids only ever go down, and an id is not negative
        self.ms = 1_700_000_000_000
        self.history: list[tuple[int, Side, Side]] = [(self.id, *self.book())]
        self.sent: list[Told] = []

    def book(self) -> tuple[Side, Side]:
        """Bids and asks, best first."""
        bids, asks = self.sides
        return [(tick(i), bids[i]) for i in sorted(bids, reverse=True)], [(tick(i), asks[i]) for i in sorted(asks)]

    def change(self, change: Change) -> tuple[Side, Side]:
        """Move the book; the changed levels of both sides with their new quantities (0.0: gone)."""
        before = [dict(side) for side in self.sides]
        self.mid += change.move * (4 if self.deep else 1)
        for side, distance, quantity in change.levels:
            price = self.mid - distance if side == 0 else self.mid + 1 + distance
            if quantity < 0:
                self.sides[side].pop(price, None)
            else:
                self.sides[side][price] = QUANTITIES[quantity]
        if change.keeps_order:  # what the other side has reached was taken
            bids, asks = self.sides
            for price in [price for price in bids if price > self.mid]:
                del bids[price]
            for price in [price for price in asks if price <= self.mid]:
                del asks[price]
        changed: list[Side] = []
        for old, new in zip(before, self.sides, strict=True):
            keys = sorted(old.keys() | new.keys())
            changed.append([(tick(k), new.get(k, 0.0)) for k in keys if old.get(k) != new.get(k)])
        # A level that comes and goes between two messages is told as a removal of a price that nobody knew.
        changed[0].append((0.05, 0.0))
        return changed[0], changed[1]

    def perform(self, script: Iterable[Step]) -> list[Told]:
        """Send what the script says."""
        for step in script:
            self.ms += STEP_MS
            self.send(step)
        return [_at(number, item) for number, item in enumerate(self.sent)]

    def send(self, step: Step) -> None:
        """Do one line of a script."""
        what, by = step.what, step.by
        if what in {
            "diff",
            "lost",
            "wrong_previous",
            "overlap",
            "partial",
            "old_partial",
            "nameless",
            "overtaken",
            "hidden",
        }:
            changed = self.change(step.change)
            last, self.id = self.id, self.id + 1 + by
            self.history.append((self.id, *self.book()))
        if what == "diff":
            self.sent.append(self._diff(last, last + 1, *changed))
        elif what == "hidden":  # the message does not tell what has changed: the book that is rebuilt rots
            self.sent.append(self._diff(last, last + 1, [], []))
        elif what == "overtaken":  # by the snapshot of the book that it makes
            self._snapshot(self.id, *self.book())
            self.sent.append(self._diff(last, last + 1, *changed))
        elif what == "overlap":
            self.sent.append(self._diff(last, max(1, last - by), *changed))
        elif what == "wrong_previous":
            self.sent.append(self._diff(last + 1, min(last + 2, self.id), *changed))
        elif what == "again":
            sent = [item for item in self.sent if isinstance(item, Diff | Book)]
            self.sent += sent[-1 - by :][:1]
        elif what == "restart":  # the venue's ids begin anew; without the minute it is a message out of the past
            id_now, self.id = self.id, max(10, self.id - 500)
            self.ms += RESTART_MS if by else 0
            self.sent.append(self._diff(self.id, self.id + 1, *self.change(step.change), last=self.id + 1))
            self.id = self.id + 1 if by else id_now
            self.history.append((self.id, *self.book()))
        elif what == "snapshot":
            self._snapshot(*self.history[-1 - min(by, len(self.history) - 1)])
        elif what == "ahead":  # newer than anything that was sent, and wrong: what comes until then is not in it
            self._snapshot(self.id + by, *self.book())
        elif what in {"quote", "wrong_quote"}:
            self._quote(by, wrong=what == "wrong_quote")
        elif what in {"partial", "old_partial", "nameless"}:
            update_id = {"partial": self.id, "old_partial": max(1, self.id - 10 * by), "nameless": None}[what]
            self.sent.append(self._partial(update_id))
        elif what == "restarted_partial":
            self.ms += RESTART_MS
            self.sent.append(self._partial(max(1, self.id - 900)))
        elif what == "clock_back":
            self.ms -= BACK_MS[by]
        elif what.startswith("trade"):
            self._trade(what, by)

    def _snapshot(self, update_id: int, bids: Side, asks: Side) -> None:
        self.sent.append(Snapshot(0, update_id, bids[:SNAPSHOT_LEVELS], asks[:SNAPSHOT_LEVELS]))

    def _quote(self, late: int, *, wrong: bool) -> None:
        """The best prices as they were ``late`` messages ago."""
        update_id, bids, asks = self.history[-1 - min(late, len(self.history) - 1)]
        (bid, bid_quantity), (ask, ask_quantity) = (side[0] if side else (0.0, 0.0) for side in (bids, asks))
        self.sent.append(Quote(0, update_id, bid, bid_quantity + wrong, ask, ask_quantity))

    def _partial(self, update_id: int | None) -> Book:
        event_ms = self.ms if self.futures else None
        changed_ms = event_ms if update_id is not None else None
        return Book(Partial(0, self.ms, self.ms * 1_000_000, event_ms, changed_ms, update_id, 0), *self.book())

    def _diff(self, previous: int, first: int, bids: Side, asks: Side, last: int | None = None) -> Diff:
        u = self.id if last is None else last
        if not self.futures:
            return Diff(0, self.ms, self.ms * 1_000_000, self.ms, None, u, first, None, bids, asks)
        return Diff(0, self.ms, self.ms * 1_000_000, self.ms + 1, self.ms, u, min(first + 1, u), previous, bids, asks)

    def _trade(self, what: str, by: int) -> None:
        market, aggregate = what != "trade_insurance", self.aggregate != (what == "trade_other")
        if what == "trade_again":
            self.trade_id -= by
        elif what == "trade_restart":
            self.trade_id -= 40
            self.ms += RESTART_MS
        else:
            self.trade_id += 1
        quantity = QUANTITIES[by % len(QUANTITIES)] * (-1 if by % 2 else 1)
        self.sent.append(Trade(0, self.trade_id, self.ms, quantity, aggregate, market))


def _at(offset: int, item: Told) -> Told:
    if isinstance(item, Book):
        return item._replace(event=item.event._replace(offset=offset))
    return item._replace(offset=offset)
