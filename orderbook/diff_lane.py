"""A full book of one instrument, rebuilt from snapshots and differences, and whether it can be trusted.

Rule 1: only this module decides whether the book is whole. States: seeded and joined (live), seeded but not joined yet
        (a snapshot that waits for the first difference), waiting (no snapshot that fits; differences are kept).
Rule 2: a break empties the book until a snapshot fits again; a snapshot that came early (newer than the live book) is
        kept for that until the stream has passed it.
Rule 3: a live book whose best levels are not all known is thin (``orderbook.band``).
Rule 4: an audit (``orderbook.audit``) that changes the book forgets the predecessor, as a resync does: what was repaired
        is no event of the market.
Rule 5: each difference is a record, or stale (all of it was seen). A snapshot is never a record.

================  =======================  ==========================================================
now               told                     then
================  =======================  ==========================================================
waiting           difference that follows  kept; record resyncing
waiting           break                    kept ones dropped, a gap counted; record resyncing
waiting           snapshot that fits       seeded; kept differences applied, joined when there were any
waiting           snapshot that is too old waiting
seeded            difference that joins    joined; record
seeded            difference that does not waiting
joined            difference that follows  joined; record
joined            break                    a gap counted; waiting, or joined by a snapshot that came early
joined            newer snapshot           joined; kept for the next break, audited when the stream passes it
joined            older snapshot           joined; audited at once, if it is not too old for that
seeded            newer snapshot           seeded by that one
seeded            older snapshot           no change
================  =======================  ==========================================================
"""

from __future__ import annotations

from collections import Counter, deque
from types import ModuleType
from typing import Final

from orderbook import diff_state
from orderbook.audit import BookAuditor
from orderbook.band import is_cut_off
from orderbook.base import Base
from orderbook.book import Book
from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, Aggression
from orderbook.events import Diff, Quote, Snapshot
from orderbook.flow import KERNEL, new_flow, read_flow, write_flow
from orderbook.metrics import Block
from orderbook.near import NearNotionals
from orderbook.partial_lane import NO_LEVELS, STALE, read_book
from orderbook.presets import MeasureConfig
from orderbook.quotes import QuoteCheck
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED, RESYNCING, THIN
from orderbook.sequence import follows, joins_snapshot, older_than_snapshot
from orderbook.tape import ID_RESET_MS

MAX_WAITING: Final = 2_000
"""Differences kept while no snapshot fits (100-200 s of a busy stream); the oldest is dropped first."""


class DiffLane:
    """The book, its ids, the flow to it, and the evidence that it is held against.

    Attributes:
        base: What a state of the book is relative to.
        flow: From book to book.
        levels: The best levels of the predecessor of the next batch's first book, a block of one.
        near: What rests near mid.
    """

    __slots__ = (
        "_clock_ms",
        "_depth_levels",
        "_early",
        "_joined",
        "_last_id",
        "_waiting",
        "audits",
        "base",
        "book",
        "flow",
        "gaps",
        "levels",
        "near",
        "quotes",
    )

    def __init__(self, config: MeasureConfig, *, kernel: ModuleType | None = KERNEL) -> None:
        self._depth_levels = config.depth_levels
        self._last_id: int | None = None  # None: waiting
        self._joined = False
        self._clock_ms = 0
        self._early: Snapshot | None = None
        self._waiting: deque[Diff] = deque(maxlen=MAX_WAITING)
        self.audits = BookAuditor()
        self.book = Book(config.book_levels)
        self.base = Base(self.book)
        self.flow = new_flow(config, kernel)
        self.gaps = 0
        self.levels: Block = NO_LEVELS
        self.near = NearNotionals(self.book)
        self.quotes = QuoteCheck()

    def feed(self, diff: Diff, notices: Counter[str]) -> int:
        """Take one difference and say the book's state after it, or STALE."""
        last = self._waiting[-1].update_id if self._waiting else self._last_id
        if last is not None and self._seen(diff, last):
            if not self._restarted(diff, notices):
                return STALE
            self._break(notices)
        elif last is not None and not self._fits(diff, last):
            if self._joined or self._waiting:
                self._break(notices)
            else:  # the snapshot was too old for this stream: still the first seeding, not a break
                self._wait()
        self._clock_ms = _clock_ms(diff)
        self.flow.tick(self._clock_ms, notices)
        if self._last_id is None:
            self._waiting.append(diff)
            if self._early is not None and not self._seed(self._early):
                self._early = None  # too old for what waits, and what waits gets no older
            return self._settled() if self._joined else RESYNCING
        self._apply(diff)
        if self._early is not None and self._early.update_id <= diff.update_id:
            passed, self._early = self._early, None  # of no use at a break, and big in a state
            self._audit(passed, notices)
        return self._settled()

    def snapshot(self, snapshot: Snapshot, notices: Counter[str]) -> None:
        """Take a snapshot: seed the book when it waits, else audit it, now or when the stream has come so far."""
        self.quotes.forget()  # a feed takes one when it has been away
        newer = self._last_id is None or snapshot.update_id > self._last_id
        if not self._joined:
            if newer:
                self._seed(snapshot)
        elif newer:
            if self._early is not None:
                notices["audit_skipped"] += 1
            self._early = snapshot
        else:
            self._audit(snapshot, notices)

    def quote(self, quote: Quote) -> None:
        """Take the venue's own best prices: evidence, which changes no book and no record."""
        self.quotes.quote(quote, wanted=self._joined)

    def _seen(self, diff: Diff, last: int) -> bool:
        if self._last_id is not None and not self._joined:
            return older_than_snapshot(diff, last)
        return diff.update_id <= last

    def _fits(self, diff: Diff, last: int) -> bool:
        if self._last_id is not None and not self._joined:
            return joins_snapshot(diff, last)
        return follows(diff, last)

    def _restarted(self, diff: Diff, notices: Counter[str]) -> bool:
        """Whether ids that went back are the venue's restart, not a repetition."""
        if not self._clock_ms or _clock_ms(diff) - self._clock_ms <= ID_RESET_MS:
            return False
        notices["id_reset"] += 1
        self._early = None
        self.quotes.restart()
        return True

    def _break(self, notices: Counter[str]) -> None:
        self.gaps += 1
        notices["gap"] += 1
        self._wait()

    def _wait(self) -> None:
        """Forget the book and the predecessor, not the window."""
        self._last_id, self._joined = None, False
        self._waiting.clear()
        self.book.replace([], [])
        self.audits.begin(0)
        self.quotes.forget()
        self._forget_predecessor()

    def _forget_predecessor(self) -> None:
        """The next record is compared with nothing."""
        self.flow.forget()
        self.near.forget()
        self.book.mark()

    def _seed(self, snapshot: Snapshot) -> bool:
        """Start the book from ``snapshot`` if the waiting differences allow it."""
        newer = [diff for diff in self._waiting if not older_than_snapshot(diff, snapshot.update_id)]
        if newer and not joins_snapshot(newer[0], snapshot.update_id):
            return False
        self._early = None
        self._waiting.clear()
        bids, asks, depth = snapshot.bids, snapshot.asks, self._depth_levels
        self.book.replace(bids, asks, cut_off=(is_cut_off(bids, depth), is_cut_off(asks, depth)))
        self.audits.begin(snapshot.update_id)
        self._last_id, self._joined = snapshot.update_id, False
        for diff in newer:
            self._apply(diff)
        return True

    def _apply(self, diff: Diff) -> None:
        """Take a difference that joins the book or follows it."""
        self.book.apply(diff.bids, diff.asks)
        if self.audits.applied(diff):
            self.base.forget_told(self.audits)
        self._last_id, self._joined = diff.update_id, True

    def _audit(self, snapshot: Snapshot, notices: Counter[str]) -> None:
        """Hold the book against a snapshot that is not newer."""
        audit = self.audits.audit(self.book, snapshot)
        if audit is None:
            notices["audit_skipped"] += 1
            return
        notices["audit"] += 1
        if audit.equal != audit.compared:
            notices["audit_repaired"] += 1
        if audit.changed:
            self._forget_predecessor()

    def _settled(self) -> int:
        """State of the book after a message, which is held against the quotes if its best prices are known."""
        state = self._compare()
        if state in {LIVE, THIN} and self._last_id is not None and (state == LIVE or self.book.covers(1)):
            self.quotes.book(self._last_id, (*self.book.bids.best_level, *self.book.asks.best_level))
        return state

    def _compare(self) -> int:
        """State of the book as it is now; a book that is not crossed becomes the predecessor."""
        (bid, bid_quantity), (ask, ask_quantity) = self.book.bids.best_level, self.book.asks.best_level
        if bid and ask:
            if bid >= ask:
                return CROSSED
            state = LIVE if self.book.covers(self._depth_levels) else THIN
        else:
            state = ONE_SIDED if bid or ask else EMPTY
            bid, ask = bid or NO_BID, ask or NO_ASK
        self.flow.take(bid, bid_quantity, ask, ask_quantity, self)
        self.near.follow(bid, ask)
        self.book.mark()
        return state

    def asks_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's asks at prices <= ``price``, as far as they are known."""
        asks = self.book.asks
        return asks.marked_through(price), not asks.knows(price)

    def bids_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's bids at prices >= ``price``, as far as they are known."""
        bids = self.book.bids
        return bids.marked_through(price), not bids.knows(price)

    def write(self, out: Writer, *, whole: bool) -> None:
        """Append this lane to a state; unless ``whole``, the book relative to its base if it has one."""
        out.put_int(self._last_id, int(self._joined), self._clock_ms, self.gaps)
        write_flow(out, self.flow)
        out.put_book(self.levels)
        diff_state.write_snapshot(out, self._early)
        diff_state.write_diffs(out, self._waiting)
        self.quotes.write(out)
        self.book.bids.write(out)
        self.book.asks.write(out)
        self.base.write(out, self.audits, whole=whole)

    def read(self, state: Reader) -> None:
        """Become the lane that ``write`` wrote."""
        self._last_id = state.take_optional_int()
        self._joined, self._clock_ms, self.gaps = bool(state.take_int()), state.take_int(), state.take_int()
        read_flow(state, self.flow)
        self.levels = read_book(state)
        self._early = diff_state.read_snapshot(state)
        self._waiting.extend(diff_state.read_diffs(state))
        self.quotes.read(state)
        self.book.bids.read(state)
        self.book.asks.read(state)
        self.base.read(state, self.audits)


def _clock_ms(diff: Diff) -> int:
    """Event time, or where the message has none the time it was received."""
    if diff.event_time_ms is not None:
        return diff.event_time_ms
    return diff.receive_time_ns // 1_000_000 if diff.receive_time_ns is not None else diff.timestamp_ms
