"""What one socket is subscribed to, and the messages that make it so.

Rule 1: never more messages in a second than allowed; who calls sends all that he is given, at once.
Rule 2: what the exchange confirmed is subscribed. What it refused, or did not answer in time, is asked for again, later and
        in smaller portions, so that one name that it dislikes does not keep others out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

import orjson

from connectors.binance.pacing import Allowance

PORTION: Final = 100
"""Streams in one message, at most. The exchange tells no limit; a message stays below 4 kB."""

ANSWER_S: Final = 10.0
"""An answer that is not there after that long will not come."""

LONGEST_HOLD_S: Final = 60.0


class Request(NamedTuple):
    """A message that was sent."""

    method: str
    streams: tuple[str, ...]
    sent_s: float


class Subscription:
    """The streams of one socket.

    Args:
        per_second: Messages that may be sent in any second.
        numbers: Where the ids of messages come from.

    Attributes:
        confirmed: Streams that the exchange said are subscribed.
        unanswered: Requests in a row that got no answer.
    """

    def __init__(self, per_second: int, numbers: Iterator[int]) -> None:
        self.confirmed: set[str] = set()
        self.unanswered = 0
        self._numbers = numbers
        self._allowance = Allowance(per_second, 1.0)
        self._asked: dict[str, None] = {}
        self._requests: dict[int, Request] = {}
        self._held_s: dict[str, float] = {}
        self._refusals: dict[str, int] = {}
        self._portion = PORTION

    def messages(self, wanted: Collection[str], now_s: float) -> list[str]:
        """What to send now, so that the socket carries ``wanted`` and nothing else."""
        if self._asked.keys() == wanted:
            return []
        messages = []
        while self._allowance.room(now_s):
            message = self._next(wanted, now_s)
            if message is None:
                break
            messages.append(message)
        return messages

    def answered(self, number: int, error: str | None, now_s: float) -> Request | None:
        """The exchange answered a message, with ``error`` when it refused. The message; None when it is none of ours."""
        request = self._requests.pop(number, None)
        if request is None:
            return None
        self.unanswered = 0
        if error is not None:
            self._refused(request, now_s)
        elif request.method == "SUBSCRIBE":
            self.confirmed.update(name for name in request.streams if name in self._asked)
            for name in request.streams:
                self._refusals.pop(name, None)
        return request

    def overdue(self, now_s: float) -> list[Request]:
        """Messages that got no answer in time; they are taken as refused."""
        numbers = [number for number, request in self._requests.items() if now_s - request.sent_s >= ANSWER_S]
        requests = [self._requests.pop(number) for number in numbers]
        self.unanswered += len(requests)
        for request in requests:
            self._refused(request, now_s)
        return requests

    def renew(self, streams: Iterable[str]) -> None:
        """Subscribe to these again: they are silent."""
        for name in streams:
            self._forget(name)

    def _next(self, wanted: Collection[str], now_s: float) -> str | None:
        gone = [name for name in self._asked if name not in wanted]
        if gone:
            for name in gone[:PORTION]:
                self._forget(name)
            return self._request("UNSUBSCRIBE", gone[:PORTION], now_s)
        new = [name for name in wanted if name not in self._asked and self._held_s.get(name, now_s) <= now_s]
        if not new:
            return None
        self._asked.update(dict.fromkeys(new[: self._portion]))
        return self._request("SUBSCRIBE", new[: self._portion], now_s)

    def _request(self, method: str, streams: list[str], now_s: float) -> str:
        number = next(self._numbers)
        self._requests[number] = Request(method, tuple(streams), now_s)
        self._allowance.take(1, now_s)
        return orjson.dumps({"method": method, "params": streams, "id": number}).decode()

    def _refused(self, request: Request, now_s: float) -> None:
        if request.method != "SUBSCRIBE":
            return  # what still comes is written; nothing is lost by it
        self._portion = max(1, min(self._portion, len(request.streams) // 2))
        for name in request.streams:
            self._forget(name)
            refusals = self._refusals.get(name, 0)
            self._refusals[name] = refusals + 1
            self._held_s[name] = now_s + min(2.0**refusals, LONGEST_HOLD_S)

    def _forget(self, name: str) -> None:
        self._asked.pop(name, None)
        self.confirmed.discard(name)
