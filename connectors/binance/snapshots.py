"""Who waits for a REST snapshot, and when it is asked for.

Rule 1: a snapshot is wanted after the first difference of a new or renewed subscription, after a break, when the last one
        does not join, when the market leaves its band, and every audit interval.
Rule 2: at most one a second and symbol, one on its way, and never beyond the weight budget; the most urgent first. Where
        the weight does not pay for all levels, a book that broke is healed with fewer: a narrow one is better than none.
Rule 3: every snapshot that came is written, whether it joins or not, where it came in the order of messages.

====================  =======================================  ==================
told                  then wanted                              purpose
====================  =======================================  ==================
first difference      a snapshot                               connect, reconnect
break in the ids      a snapshot                               gap
snapshot that joins   nothing, until the next audit            audit
snapshot that is old  another one, a second later              retry
market leaves band    a snapshot around where it is now        band
no answer, 5xx        the same, each time later                as before
====================  =======================================  ==================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from connectors.binance.actions import Answer, Write
from connectors.binance.band import band_of
from connectors.binance.book_feed import BookFeed, Purpose
from connectors.binance.chain import Step
from connectors.binance.frame_head import Ids
from connectors.binance.options import FeedOptions
from connectors.binance.outbox import Outbox, some
from connectors.binance.rest import Flight, Outcome, Rest, Urgency
from connectors.binance.venue import Venue

SPACING_S: Final = 1.05
"""Between two requests of one symbol: a second, and what the network may take off."""

LOOK_S: Final = 0.5
"""Between two looks at where the market is."""

IN_FLIGHT: Final = 10
"""Requests on their way, at most: an exchange that is slow is not asked for more."""

REFUSED_S: Final = 60.0


class Snapshots:
    """The books of all symbols and their snapshots.

    Args:
        jitter: Random numbers in [0, 1).
    """

    def __init__(
        self, venue: Venue, options: FeedOptions, rest: Rest, out: Outbox, jitter: Callable[[], float]
    ) -> None:
        self._venue = venue
        self._options = options
        self._rest = rest
        self._out = out
        self._jitter = jitter
        self._books: dict[str, BookFeed] = {}
        self._gaps: list[str] = []

    def add(self, symbol: str) -> BookFeed:
        """Follow the differences of ``symbol``."""
        book = BookFeed(symbol, chained=self._venue.chained)
        self._books[symbol] = book
        return book

    def remove(self, symbol: str) -> None:
        """Follow them no more; a snapshot that is on its way is still written."""
        self._books.pop(symbol, None)

    @property
    def limit(self) -> int:
        """Levels a side: the most whose weight lets all books be seeded within half a minute, else the venue's least."""
        if self._options.snapshot_limit is not None:
            return self._options.snapshot_limit
        return next(
            (limit for limit in self._venue.snapshot_limits if self._minutes(limit) <= 0.5),
            self._venue.snapshot_limits[-1],
        )

    @property
    def audit_s(self) -> float:
        """The audit interval: as asked for, or longer when half of the weight does not carry it."""
        return max(self._options.audit_interval_s, 2 * 60.0 * self._minutes(self.limit))

    def explain(self) -> None:
        """Say what the budget means for so many books, where that is slow."""
        minutes = self._minutes(self.limit)
        weight = self._venue.depth_weight(self.limit)
        if minutes > 0.5:
            self._out.note(
                "info",
                "snapshot_budget",
                f"first snapshots of {len(self._books)} symbols take about {minutes:.1f} min ({weight} weight each,"
                f" {self._rest.weight_limit} a minute); audits each {self.audit_s:.0f} s",
                symbols=len(self._books),
                minutes=minutes,
                audit_s=self.audit_s,
            )

    def difference(self, book: BookFeed, ids: Ids, data: bytes, recv_ns: int, now_s: float) -> None:
        """A difference of ``book``, with its ids, in the frame ``data``."""
        event_ms, update_id, first_id, previous_id = ids
        if first_id is None:  # a difference without its ids: the job refuses it
            return
        clock_ms = recv_ns // 1_000_000 if event_ms is None else event_ms
        step = book.chain.take(first_id, update_id, previous_id, clock_ms)
        if step is not Step.FOLLOWS or book.fresh:
            self._notice(book, step)
        if now_s >= book.look_s:
            book.look_s = now_s + LOOK_S
            if book.band is not None and book.band.left_by(data):
                book.band = None  # asked once; the next snapshot tells the next band
                book.want(Purpose.BAND)

    def fetched(self, flight: Flight, outcome: Outcome, answer: Answer, recv_ns: int, now_s: float) -> None:
        """The answer to a request of ours."""
        snapshot = self._parse(answer.body, now_s) if outcome is Outcome.GOOD else None
        book = self._books.get(flight.symbol)
        if snapshot is not None:
            value = b'{"stream":"%b@snapshot","data":%b}' % (flight.symbol.lower().encode(), answer.body)
            self._out.actions.append(Write(flight.symbol, value, [("recv_ns", b"%d" % recv_ns)]))
            self._out.status.snapshots[flight.purpose] += 1
        if book is None:
            return
        book.flight = None
        if snapshot is None:
            lived_s = 0.0
            wait_s = REFUSED_S if outcome is Outcome.REFUSED else book.backoff.failed(lived_s, self._jitter())
            book.retry_s = now_s + wait_s
            book.want(Purpose(flight.purpose))
            return
        book.backoff.succeeded()
        book.band = band_of(snapshot, flight.levels)
        book.seeded = True
        book.audit_s = now_s + self.audit_s * (1.0 - 0.1 * self._jitter())
        book.wanted = None if book.chain.snapshot(snapshot["lastUpdateId"]) else Purpose.RETRY

    def lost(self, flight: Flight, now_s: float) -> None:
        """A request of ours got no answer at all."""
        self.fetched(flight, Outcome.AGAIN, Answer(0, {}, b""), 0, now_s)

    def tick(self, now_s: float) -> None:
        """Ask for what is due and can be paid."""
        if self._gaps:
            self._out.note("info", "gap", f"ids are missing in {some(self._gaps)}", symbols=self._gaps)
            self._gaps = []
        for book in self._books.values():
            if now_s >= book.audit_s:
                book.audit_s = now_s + self.audit_s
                book.want(Purpose.AUDIT)
        due = [book for book in self._books.values() if book.wanted and _may_ask(book, now_s)]
        due.sort(key=lambda book: (book.wanted.rank if book.wanted else 0, book.asked_s))
        for book in due:
            if not self._ask(book, now_s):
                break

    def resyncing(self) -> int:
        """Books that wait for a snapshot that joins."""
        return sum(book.chain.waiting for book in self._books.values())

    def _ask(self, book: BookFeed, now_s: float) -> bool:
        purpose = book.wanted
        if purpose is None or self._rest.in_flight >= IN_FLIGHT:
            return False
        levels = self._affordable(purpose.urgency, now_s)
        if levels is None:
            return False  # the others are less urgent
        weight = self._venue.depth_weight(levels)
        book.wanted = None
        book.asked_s = now_s
        path = f"{self._venue.depth_path}?symbol={book.symbol}&limit={levels}"
        book.flight = self._rest.send(path, Flight(book.symbol, purpose.value, now_s, levels), weight)
        return True

    def _affordable(self, urgency: Urgency, now_s: float) -> int | None:
        """The most levels that the weight pays for now; None when it pays for none.

        A book that broke gets all levels while much of the weight is left, else fewer, so that the next ones are healed too.
        """
        fewer = [limit for limit in self._venue.snapshot_limits if limit < self.limit]
        if urgency is not Urgency.NOW or not fewer:
            offers = [(self.limit, urgency)]
        else:
            offers = [(self.limit, Urgency.LATER), *((limit, urgency) for limit in fewer)]
        pays = (levels for levels, up_to in offers if self._rest.may(self._venue.depth_weight(levels), up_to, now_s))
        return next(pays, None)

    def _notice(self, book: BookFeed, step: Step) -> None:
        if step is Step.SEEN:
            return
        if book.fresh:
            book.fresh = False
            book.want(Purpose.RECONNECT if book.seeded else Purpose.CONNECT)
        if step is Step.BREAK:
            self._out.status.gaps += 1
            self._gaps.append(book.symbol)
            book.want(Purpose.GAP)
        elif step is Step.UNJOINED:
            book.want(Purpose.RETRY)

    def _parse(self, body: bytes, now_s: float) -> dict[str, Any] | None:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict) and type(document.get("lastUpdateId")) is int:
            return document
        text = body[:80].decode("utf-8", "replace")
        self._rest.failed("bad_body", f"HTTP 200 with {text!r} where a book was expected", now_s)
        return None

    def _minutes(self, limit: int) -> float:
        """How long one snapshot of each book takes, if nothing else uses the weight."""
        return len(self._books) * self._venue.depth_weight(limit) / self._rest.weight_limit


def _may_ask(book: BookFeed, now_s: float) -> bool:
    return book.flight is None and now_s >= book.retry_s and now_s - book.asked_s >= SPACING_S
