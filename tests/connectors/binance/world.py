"""An exchange and a network without sockets, in which everything takes its time and may fail: the core's opposite.

It publishes per symbol a chain of differences and trades that count by one, to whoever is subscribed; what it sent waits
in a socket's queue until the network delivers it, and is lost when the socket breaks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from itertools import count
from typing import Any

import orjson

from connectors.binance.actions import Action, Answer, Close, Fetch, Open, Send, Write
from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions
from connectors.binance.venue import VENUES
from tests.connectors.binance.driver import EPOCH_MS, diff, trade


class Wire:
    """A connected socket as the exchange and the network see it."""

    def __init__(self) -> None:
        self.streams: set[str] = set()
        self.queue: deque[bytes] = deque()


class World:
    """The core and all that is around it.

    Attributes:
        opening: Sockets that wait for the network's verdict.
        wires: Sockets that are connected.
        fetching: Requests that wait for an answer.
        written: What the core wrote, in order.
        delivered: Data frames that the core was given.
        sends, opens, fetches: What was asked, with the time.
    """

    def __init__(self, venue: str, symbols: Sequence[str], **options: Any) -> None:
        self.venue = VENUES[venue]
        self.now_s = 0.0
        self.opening: list[int] = []
        self.wires: dict[int, Wire] = {}
        self.fetching: list[Fetch] = []
        self.written: list[Write] = []
        self.delivered: list[bytes] = []
        self.sends: list[tuple[float, int]] = []
        self.opens: list[float] = []
        self.fetches: list[tuple[float, Fetch]] = []
        self.ids: Counter[str] = Counter()
        self.trades: Counter[str] = Counter()
        jitters = count()
        self.core = FeedCore(
            self.venue,
            FeedOptions(streams=("depth@100ms", "trade"), **options),
            ws_url="wss://x",
            rest_url="https://x",
            jitter=lambda: next(jitters) * 0.618 % 1.0,
        )
        self.want(symbols)

    def want(self, symbols: Sequence[str]) -> None:
        """Other symbols from now on."""
        self.symbols = tuple(symbols)
        self.core.want(symbols, self.now_s)
        self.work()

    def publish(self, symbol: str, *, lost: bool = False) -> None:
        """The next difference and trade of ``symbol``; ``lost``: the exchange sends the difference to nobody."""
        first = self.ids[symbol] + 1
        self.ids[symbol] += 10
        previous = first - 1 if self.venue.chained else None
        self.trades[symbol] += 1
        frames = {
            f"{symbol.lower()}@depth@100ms": diff(symbol, (first, first + 9, previous), self.event_ms()),
            f"{symbol.lower()}@trade": trade(symbol, self.trades[symbol], self.event_ms()),
        }
        for stream, frame in frames.items():
            if lost and "@depth" in stream:
                continue
            for wire in self.wires.values():
                if stream in wire.streams:
                    wire.queue.append(frame)

    def say(self, frame: bytes) -> None:
        """A frame on every socket."""
        for wire in self.wires.values():
            wire.queue.append(frame)

    def deliver(self, number: int, frames: int) -> None:
        """The network brings some frames of a socket."""
        for _ in range(frames):
            wire = self.wires.get(number)
            if wire is None or not wire.queue:
                return
            frame = wire.queue.popleft()
            if frame.startswith(b'{"stream":"') and b"@" in frame:
                self.delivered.append(frame)
            self.core.frame(number, frame, self.event_ms() * 1_000_000, self.now_s)
            self.work()

    def deliver_all(self) -> None:
        """The network brings everything that is on its way."""
        for number in list(self.wires):
            self.deliver(number, 10**6)

    def connect(self, *, works: bool) -> None:
        """The network decides on the oldest wish for a connection."""
        if not self.opening:
            return
        number = self.opening.pop(0)
        if works:
            self.wires[number] = Wire()
            self.core.opened(number, self.now_s)
        else:
            self.core.closed(number, "refused", self.now_s)
        self.work()

    def cut(self, number: int) -> None:
        """A socket breaks; what was on its way is lost."""
        if self.wires.pop(number, None) is not None:
            self.core.closed(number, "broken", self.now_s)
            self.work()

    def answer(self, kind: str = "book") -> None:
        """The exchange answers the oldest request: book, old, 500, 0 or 429."""
        if not self.fetching:
            return
        fetch = self.fetching.pop(0)
        old = 25 if kind == "old" else 0
        body = orjson.dumps({"lastUpdateId": max(0, self.ids[str(fetch.symbol)] - old), "bids": [], "asks": []})
        answers = {
            "500": Answer(500, {}, b""),
            "0": Answer(0, {}, b"", "lost"),
            "429": Answer(429, {"retry-after": "3"}, b""),
        }
        answer = answers.get(kind, Answer(200, {}, body))
        self.core.fetched(fetch.number, answer, self.event_ms() * 1_000_000, self.now_s)
        self.work()

    def tick(self) -> None:
        """A tenth of a second passes."""
        self.now_s = round(self.now_s + 0.1, 3)
        self.core.tick(self.now_s)
        self.work()

    def heal(self, seconds: float) -> None:
        """Everything works and is quick."""
        for _ in range(round(seconds * 10)):
            while self.opening:
                self.connect(works=True)
            while self.fetching:
                self.answer()
            for symbol in self.symbols:
                self.publish(symbol)
            self.deliver_all()
            self.tick()

    def event_ms(self) -> int:
        """Everybody's clock."""
        return EPOCH_MS + round(self.now_s * 1000)

    def work(self) -> None:
        """Hand the core's wishes over."""
        while self.core.actions:
            self._take(self.core.actions.popleft())

    def _take(self, action: Action) -> None:
        if isinstance(action, Open):
            self.opens.append(self.now_s)
            self.opening.append(action.socket)
        elif isinstance(action, Close):
            if action.socket in self.opening:
                self.opening.remove(action.socket)
            self.wires.pop(action.socket, None)
            self.core.closed(action.socket, action.why, self.now_s)
        elif isinstance(action, Send):
            self._subscribe(action)
        elif isinstance(action, Fetch):
            self.fetches.append((self.now_s, action))
            self.fetching.append(action)
        elif isinstance(action, Write):
            self.written.append(action)

    def _subscribe(self, action: Send) -> None:
        self.sends.append((self.now_s, action.socket))
        wire = self.wires.get(action.socket)
        if wire is None:
            return
        message = orjson.loads(action.text)
        if message["method"] == "SUBSCRIBE":
            wire.streams |= set(message["params"])
        else:
            wire.streams -= set(message["params"])
        wire.queue.append(orjson.dumps({"result": None, "id": message["id"]}))
