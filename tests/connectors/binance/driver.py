"""A shell without sockets: does at once what the core asks, and keeps what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from connectors.binance.actions import Action, Answer, Close, Fetch, Note, Open, Send, Write
from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions
from connectors.binance.venue import VENUES

A = TypeVar("A", Open, Close, Send, Fetch, Write, Note)
Answerer = Callable[[Fetch], Answer | None]

EPOCH_MS = 1_700_000_000_000
"""Wall clock of the exchange when ``now_s`` is 0."""


class Driver:
    """Runs a core against an exchange that says yes to everything, unless told otherwise.

    Attributes:
        connects: Whether sockets can be connected.
        confirms: Whether subscriptions are answered.
        answer: REST: from a request to its answer; None: none yet.
        done: All actions with their times.
        up: Sockets that are connected now, with what each is subscribed to.
    """

    def __init__(
        self,
        venue: str = "binance-usdm",
        symbols: tuple[str, ...] = ("BTCUSDT",),
        *,
        jitter: float = 0.5,
        answer: Answerer = lambda _: None,
        **options: Any,
    ) -> None:
        self.venue = VENUES[venue]
        self.core = FeedCore(
            self.venue,
            FeedOptions(**options),
            ws_url="wss://exchange:1",
            rest_url="https://exchange:2",
            jitter=lambda: jitter,
        )
        self.now_s = 0.0
        self.connects = True
        self.confirms = True
        self.answer = answer
        self.clock_ahead_ms = 0
        self.done: list[tuple[float, Action]] = []
        self.up: dict[int, dict[str, None]] = {}
        self.urls: dict[int, str] = {}
        self.core.want(symbols, self.now_s)
        self.work()

    def all(self, kind: type[A], since: int = 0) -> list[A]:
        """The actions of a kind, of those from the ``since``-th on."""
        return [action for _, action in self.done[since:] if isinstance(action, kind)]

    def times(self, kind: type[A]) -> list[float]:
        """When the actions of a kind came."""
        return [at_s for at_s, action in self.done if isinstance(action, kind)]

    def notes(self, kind: str) -> list[str]:
        """The texts of the notes of a kind."""
        return [note.text for note in self.all(Note) if note.kind == kind]

    def run(self, seconds: float) -> None:
        """Let time pass, in steps of 100 ms."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s = round(self.now_s + 0.1, 3)
            self.core.tick(self.now_s)
            self.work()

    def work(self) -> None:
        """Do what the core asks until it asks for nothing."""
        while self.core.actions:
            action = self.core.actions.popleft()
            self.done.append((self.now_s, action))
            self._do(action)

    def frame(self, data: bytes, socket: int | None = None) -> list[Write]:
        """A frame on ``socket`` (default: the newest); what was written because of it."""
        before = len(self.done)
        number = max(self.up, default=0) if socket is None else socket
        self.core.frame(number, data, self.recv_ns(), self.now_s)
        self.work()
        return self.all(Write, before)

    def cut(self, socket: int, why: str = "cut") -> None:
        """The exchange ends a socket."""
        del self.up[socket]
        self.core.closed(socket, why, self.now_s)
        self.work()

    def carrying(self, stream: str) -> list[int]:
        """The sockets that are subscribed to ``stream``."""
        return [number for number, streams in self.up.items() if stream in streams]

    def event_ms(self) -> int:
        """The exchange's clock."""
        return EPOCH_MS + round(self.now_s * 1000)

    def recv_ns(self) -> int:
        """Our wall clock."""
        return (self.event_ms() - self.clock_ahead_ms) * 1_000_000

    def _do(self, action: Action) -> None:
        if isinstance(action, Open):
            self.urls[action.socket] = action.url
            if self.connects:
                self.up[action.socket] = {}
                self.core.opened(action.socket, self.now_s)
            else:
                self.core.closed(action.socket, "no network", self.now_s)
        elif isinstance(action, Close):
            self.up.pop(action.socket, None)
            self.core.closed(action.socket, action.why, self.now_s)
        elif isinstance(action, Send):
            self._subscribe(action)
        elif isinstance(action, Fetch):
            answer = self.answer(action)
            if answer is not None:
                self.core.fetched(action.number, answer, self.recv_ns(), self.now_s)

    def _subscribe(self, action: Send) -> None:
        message = orjson.loads(action.text)
        names = dict.fromkeys(message["params"])
        if not self.confirms:
            return
        if message["method"] == "SUBSCRIBE":
            self.up[action.socket] |= names
        else:
            for name in names:
                self.up[action.socket].pop(name, None)
        reply = orjson.dumps({"result": None, "id": message["id"]})
        self.core.frame(action.socket, reply, self.recv_ns(), self.now_s)


def envelope(stream: str, payload: dict[str, Any]) -> bytes:
    """A frame of the combined endpoint."""
    return orjson.dumps({"stream": stream, "data": payload})


def diff(symbol: str, ids: tuple[int, int, int | None], event_ms: int, asks: Any = (), bids: Any = ()) -> bytes:
    """A difference with ids (U, u, pu)."""
    first, last, previous = ids
    payload: dict[str, Any] = {"e": "depthUpdate", "E": event_ms, "s": symbol, "U": first, "u": last}
    if previous is not None:
        payload["pu"] = previous
    return envelope(f"{symbol.lower()}@depth@100ms", payload | {"b": bids, "a": asks})


def trade(symbol: str, number: int, event_ms: int) -> bytes:
    """A trade."""
    payload = {"e": "trade", "E": event_ms, "T": event_ms, "s": symbol, "t": number, "p": "1", "q": "1", "m": True}
    return envelope(f"{symbol.lower()}@trade", payload)


def book(update_id: int, **sides: Any) -> Answer:
    """REST's answer to a request for a book."""
    sides = {"bids": [["99", "1"]], "asks": [["101", "1"]]} | sides
    return Answer(200, {}, orjson.dumps({"lastUpdateId": update_id, **sides}))
