"""REST polling: the simple way, one book of 20 levels a symbol and interval, without a socket.

Rule 1: symbols are spread over the interval, so that requests come evenly.
Rule 2: what the weight does not carry is said before it starts (``polling_problem``). When more symbols are added than it
        carries, all are polled less often. Late polls are not made up for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson

from connectors.binance.actions import Answer, Write
from connectors.binance.options import FeedOptions
from connectors.binance.outbox import Alarm, Outbox
from connectors.binance.rest import Flight, Outcome, Rest, Urgency
from connectors.binance.venue import Venue

LEVELS: Final = 20
PURPOSE: Final = "poll"


def weight_limit(venue: Venue, options: FeedOptions) -> int:
    """Our share of the venue's weight a minute."""
    return int(venue.weight_per_minute * options.weight_share)


def polling_problem(venue: Venue, options: FeedOptions, symbols: int) -> str | None:
    """Why so many symbols can't be polled that often, with the numbers; None when they can.

    >>> from connectors.binance.venue import VENUES
    >>> polling_problem(VENUES["binance-usdm"], FeedOptions(rest_interval_s=1.0), 16) is None
    True
    """
    interval_s = options.rest_interval_s
    if interval_s is None:
        return None
    weight = venue.depth_weight(LEVELS)
    ours = weight_limit(venue, options)
    needed = symbols * weight * 60.0 / interval_s
    if needed <= ours:
        return None
    return (
        f"expected at most {ours} weight a minute ({options.weight_share:.0%} of {venue.weight_per_minute} of"
        f" {venue.name}), received {symbols} symbols each {interval_s:g} s at {weight} each: {needed:.0f};"
        f" poll at most {int(ours * interval_s / 60.0 / weight)} symbols, or each"
        f" {symbols * weight * 60.0 / ours:.1f} s, or use WebSocket"
    )


class Polling:
    """Polls the books of all wanted symbols.

    Attributes:
        down_since_s: Since when no poll was answered; None while they are.
    """

    def __init__(self, venue: Venue, interval_s: float, rest: Rest, out: Outbox) -> None:
        self._venue = venue
        self._asked_s = interval_s
        self._interval_s = interval_s
        self._rest = rest
        self._out = out
        self._weight = venue.depth_weight(LEVELS)
        self._due_s: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._late = Alarm(out, "polls_late")
        self.down_since_s: float | None = None

    def want(self, symbols: Iterable[str], now_s: float) -> None:
        """The symbols from now on."""
        wanted = list(symbols)
        least_s = len(wanted) * self._weight * 60.0 / self._rest.weight_limit
        self._interval_s = max(self._asked_s, least_s)
        if least_s > self._asked_s:
            self._out.note(
                "warning",
                "polls_stretched",
                f"{len(wanted)} symbols each {self._asked_s:g} s need more than {self._rest.weight_limit} weight a minute;"
                f" they are polled each {least_s:.1f} s",
                interval_s=least_s,
            )
        for place, symbol in enumerate(wanted):
            self._due_s.setdefault(symbol, now_s + self._interval_s * place / len(wanted))
        for symbol in self._due_s.keys() - set(wanted):
            del self._due_s[symbol]

    def tick(self, now_s: float) -> None:
        """Ask for the books that are due."""
        late_s = 0.0
        for symbol, due_s in sorted(self._due_s.items(), key=lambda item: item[1]):
            if due_s > now_s:
                break
            late_s = max(late_s, now_s - due_s)
            if symbol in self._waiting or not self._rest.may(self._weight, Urgency.NOW, now_s):
                continue
            path = f"{self._venue.depth_path}?symbol={symbol}&limit={LEVELS}"
            self._rest.send(path, Flight(symbol, PURPOSE, now_s, LEVELS), self._weight)
            self._waiting.add(symbol)
            self._due_s[symbol] = max(due_s + self._interval_s, now_s)
        if late_s > self._interval_s + 1.0:
            self._late.begin(f"polls are {late_s:.1f} s late: the weight or the exchange does not carry them", now_s)
        elif late_s < self._interval_s:
            self._late.end("polls are in time", now_s)

    def fetched(self, flight: Flight, outcome: Outcome, answer: Answer, recv_ns: int, now_s: float) -> None:
        """The answer to a poll."""
        self._waiting.discard(flight.symbol)
        if outcome is not Outcome.GOOD:
            self._down(now_s)
            return
        if not _is_book(answer.body):
            text = answer.body[:80].decode("utf-8", "replace")
            self._rest.failed("bad_body", f"HTTP 200 with {text!r} where a book was expected", now_s)
            self._down(now_s)
            return
        self.down_since_s = None
        value = b'{"stream":"%b@restdepth%d","data":%b}' % (flight.symbol.lower().encode(), LEVELS, answer.body)
        self._out.actions.append(Write(flight.symbol, value, [("recv_ns", b"%d" % recv_ns)]))
        self._out.status.polls += 1
        self._out.status.last_frame_s[flight.symbol] = now_s

    def lost(self, flight: Flight, now_s: float) -> None:
        """A poll got no answer at all; the next one is sent when it is due."""
        self._waiting.discard(flight.symbol)
        self._down(now_s)

    def _down(self, now_s: float) -> None:
        self.down_since_s = now_s if self.down_since_s is None else self.down_since_s


def _is_book(body: bytes) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and "lastUpdateId" in document
