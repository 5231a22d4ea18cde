"""The REST side: one weight budget for all, and what an answer means for those who wait.

Rule 1: within any minute, no more weight than our share. The exchange's own count (it sees who else uses the address) is
        believed when it is larger.
Rule 2: less urgent requests leave room: audits stop at 60 % of the share, first snapshots at 90 %.
Rule 3: 429, 418 and 403 stop everything until the time that the exchange says.
Rule 4: a request without an answer is over after a while; nobody waits for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

from connectors.binance.actions import Answer, Fetch
from connectors.binance.outbox import Alarm, Outbox
from connectors.binance.pacing import Allowance

MINUTE_S: Final = 60.0
LOST_S: Final = 60.0
"""A request that got no answer by then counts as one that failed."""

_PAUSES_S: Final = {429: 60.0, 418: 120.0, 403: 60.0}
"""How long to wait when the answer does not say; 418 is a ban of 2 minutes to 3 days, 403 the firewall's."""


class Urgency(enum.Enum):
    """Which part of our share a request may use up."""

    NOW = 1.0
    SOON = 0.9
    LATER = 0.6


class Outcome(enum.Enum):
    """What an answer is good for."""

    GOOD = "good"
    AGAIN = "again"
    """Nothing came, or the exchange has a trouble of its own."""
    REFUSED = "refused"
    """The request itself is wrong for the exchange; asking again soon is of no use."""


class Flight(NamedTuple):
    """A request on its way: for ``levels`` levels a side."""

    symbol: str
    purpose: str
    sent_s: float
    levels: int


class Rest:
    """The budget, the pauses, and the requests on their way.

    Args:
        base_url: Scheme, host and port.
        weight_limit: What is ours of the weight a minute.
        numbers: Where the numbers of requests come from.
    """

    def __init__(self, base_url: str, weight_limit: int, numbers: Iterator[int], out: Outbox) -> None:
        self._base_url = base_url
        self._out = out
        self._numbers = numbers
        self._own = Allowance(weight_limit, MINUTE_S)
        self._theirs = 0  # what the exchange counted last, and what we sent since
        self._theirs_until_s = 0.0
        self._paused_until_s = 0.0
        self._flights: dict[int, Flight] = {}
        self._paused = Alarm(out, "rest_paused")
        self._failing = Alarm(out, "rest_failing")

    @property
    def weight_limit(self) -> int:
        """What is ours of the weight a minute."""
        return self._own.limit

    @property
    def in_flight(self) -> int:
        """Requests that have no answer yet."""
        return len(self._flights)

    def used(self, now_s: float) -> int:
        """Weight of the last minute: ours, or what the exchange counted when that is more."""
        theirs = self._theirs if now_s < self._theirs_until_s else 0
        return max(self._own.used(now_s), theirs)

    def may(self, weight: int, urgency: Urgency, now_s: float) -> bool:
        """Whether a request of ``weight`` can be sent now."""
        if now_s < self._paused_until_s:
            return False
        used = self.used(now_s)
        # One alone may be larger than its part.
        return used + weight <= self._own.limit * (urgency.value if used else 1.0)

    def send(self, path: str, flight: Flight, weight: int) -> int:
        """Ask; the caller has asked whether he may. Returns the request's number."""
        number = next(self._numbers)
        self._own.take(weight, flight.sent_s)
        self._theirs += weight
        self._flights[number] = flight
        self._out.actions.append(Fetch(number, self._base_url + path, flight.symbol, flight.purpose, weight))
        return number

    def answered(self, number: int, answer: Answer, now_s: float) -> tuple[Flight, Outcome] | None:
        """Whose answer it is and what it is good for; None when nobody waits for it any more."""
        flight = self._flights.pop(number, None)
        used = _number(answer.headers.get("x-mbx-used-weight-1m"))
        if used is not None:
            self._theirs, self._theirs_until_s = int(used), now_s + MINUTE_S
        outcome = self._judge(answer, now_s)
        return None if flight is None else (flight, outcome)

    def tick(self, now_s: float) -> list[Flight]:
        """End pauses that are over. Returns the requests that nobody answered in time."""
        if now_s >= self._paused_until_s:
            self._paused.end("REST requests go on", now_s)
        numbers = [number for number, flight in self._flights.items() if now_s - flight.sent_s >= LOST_S]
        for _ in numbers:
            self._failed("no_answer", f"no answer within {LOST_S:.0f} s", now_s)
        return [self._flights.pop(number) for number in numbers]

    def failed(self, reason: str, why: str, now_s: float) -> None:
        """An answer that looked good is of no use."""
        self._failed(reason, why, now_s)

    def _judge(self, answer: Answer, now_s: float) -> Outcome:
        if answer.status == 200:
            self._failing.end("REST answers again", now_s)
            return Outcome.GOOD
        if answer.status in _PAUSES_S:
            self._out.status.fetches_failed[str(answer.status)] += 1
            self._pause(answer, now_s)
            return Outcome.AGAIN
        if answer.status == 0 or answer.status >= 500:
            reason = "5xx" if answer.status else "no_answer"
            self._failed(reason, answer.why or f"HTTP {answer.status}", now_s)
            return Outcome.AGAIN
        text = answer.body[:200].decode("utf-8", "replace")
        self._failed("refused", f"HTTP {answer.status} {text}", now_s)
        return Outcome.REFUSED

    def _pause(self, answer: Answer, now_s: float) -> None:
        seconds = _number(answer.headers.get("retry-after"))
        if seconds is None:
            seconds = _PAUSES_S[answer.status]
        self._paused_until_s = max(self._paused_until_s, now_s + seconds)
        self._paused.begin(
            f"expected an answer of {self._base_url}, received HTTP {answer.status}: too many requests from this address;"
            f" no more for {seconds:.0f} s",
            now_s,
            status=answer.status,
            seconds=seconds,
        )

    def _failed(self, reason: str, why: str, now_s: float) -> None:
        self._out.status.fetches_failed[reason] += 1
        self._failing.begin(
            f"expected an answer of {self._base_url}, received: {why}; asking again, each time later", now_s
        )


def _number(text: str | None) -> float | None:
    """A decimal number of seconds or units, not negative; None for anything else (a date, nothing)."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0.0 <= number < 1e9 else None
