"""Owns the exchange's own books: the judge of all others, plain on purpose.

A book is two dicts of price to the texts that were sent. Nothing is kept sorted; the best is looked for. A symbol whose
tape has differences lives by them and its first snapshot; one that has none is its latest partial depth.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from fake_exchange.messages import RESTART, SNAPSHOT, Message
from fake_exchange.venues import COINM, SPOT

Levels = list[tuple[str, str]]


class Best(NamedTuple):
    """The truth at one depth message: the best bid and ask, (price, quantity) as sent; None where a side is empty."""

    symbol: str
    stream: str
    update_id: int
    bid: tuple[str, str] | None
    ask: tuple[str, str] | None


class Book:
    """The book of one symbol.

    Attributes:
        last_id: update id of what it holds.
        known: whether it holds all that the tape has told; not before its snapshot (or its first partial depth).
    """

    def __init__(self) -> None:
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}
        self.last_id = 0
        self.known = False
        self._by_differences = False
        self._waiting: list[dict[str, Any]] = []
        self._partial: bytes | None = None
        self._clocks = (0, 0)

    def snapshot(self, body: bytes) -> None:
        """Begin with a REST snapshot; differences that came before it are added. Later ones change nothing."""
        if self.known and self._by_differences:
            return
        document = orjson.loads(body)
        self._replace(document)
        self.last_id = document["lastUpdateId"]
        self._by_differences = self.known = True
        waiting, self._waiting = self._waiting, []
        for difference in waiting:
            if difference["u"] > self.last_id:
                self._add(difference)

    def difference(self, data: bytes) -> None:
        """Add a difference."""
        document = orjson.loads(data)
        if not self._by_differences:
            # The tape turns out to have differences: what the partial depth told is no beginning for them.
            self.known, self._partial = False, None
        self._by_differences = True
        if self.known:
            self._add(document)
        else:
            self._waiting.append(document)

    def partial(self, data: bytes) -> None:
        """Take a partial depth for the book, unless it lives by differences. It is read when somebody asks."""
        if not self._by_differences:
            self._partial = data
            self.known = True

    def best(self) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
        """Best bid and ask."""
        self._read_partial()
        bid = self.bids[max(self.bids)] if self.bids else None
        return bid, self.asks[min(self.asks)] if self.asks else None

    def body(self, venue: str, symbol: str, limit: int) -> bytes:
        """The REST answer."""
        self._read_partial()
        event_ms, changed_ms = self._clocks
        body: dict[str, Any] = {"lastUpdateId": self.last_id}
        if venue == COINM:
            body |= {"symbol": symbol, "pair": symbol.partition("_")[0]}
        if venue != SPOT:
            body |= {"E": event_ms, "T": changed_ms}
        body["bids"] = [self.bids[price] for price in sorted(self.bids, reverse=True)[:limit]]
        body["asks"] = [self.asks[price] for price in sorted(self.asks)[:limit]]
        return orjson.dumps(body)

    def _read_partial(self) -> None:
        if self._partial is not None:
            document, self._partial = orjson.loads(self._partial), None
            self._replace(document)

    def _replace(self, document: dict[str, Any]) -> None:
        self.bids.clear()
        self.asks.clear()
        self._put(document)
        self.last_id = document.get("lastUpdateId", document.get("u", 0))

    def _add(self, difference: dict[str, Any]) -> None:
        self._put(difference)
        self.last_id = difference["u"]

    def _put(self, document: dict[str, Any]) -> None:
        event_ms = document.get("E", self._clocks[0])
        self._clocks = event_ms, document.get("T", event_ms)
        for side, levels in zip((self.bids, self.asks), sides(document), strict=True):
            for price, quantity, *_ in levels:
                if Decimal(quantity):
                    side[Decimal(price)] = (price, quantity)
                else:
                    side.pop(Decimal(price), None)


class Judge:
    """The books of all symbols.

    Args:
        venue: whose REST answers it gives.
    """

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._books: dict[str, Book] = {}

    def see(self, message: Message) -> None:
        """Take note of a message of the tape, whatever happens to it on its way."""
        family = message.family
        if family == "depth":
            self._book(message.symbol).difference(message.data)
        elif family.startswith("depth"):
            self._book(message.symbol).partial(message.data)
        elif family == SNAPSHOT:
            self._book(message.symbol).snapshot(message.data)
        elif family == RESTART:
            self._books.pop(message.symbol, None)

    def truth(self, message: Message) -> Best | None:
        """The truth at a depth message that was just seen; None when it is no depth message or the book is not known."""
        family = message.family
        if not family.startswith("depth"):
            return None
        book = self._book(message.symbol)
        if family == "depth":
            return self.standing(message.symbol, message.stream) if book.known else None
        own = Book()
        own.partial(message.data)
        best = own.best()
        return Best(message.symbol, message.stream, own.last_id, *best)

    def standing(self, symbol: str, stream: str = "") -> Best:
        """The truth of a book that is known, as it is now."""
        book = self._books[symbol]
        return Best(symbol, stream, book.last_id, *book.best())

    def knows(self, symbol: str) -> bool:
        """Whether a request for its depth can be answered."""
        return symbol in self._books and self._books[symbol].known

    def body(self, symbol: str, limit: int) -> bytes:
        """The REST answer of a symbol that is known."""
        return self.book(symbol).body(self._venue, symbol, limit)

    def book(self, symbol: str) -> Book:
        """The book of a symbol that is known."""
        return self._books[symbol]

    def _book(self, symbol: str) -> Book:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = Book()
        return book


def sides(document: dict[str, Any]) -> tuple[Levels, Levels]:
    """Bids and asks of any depth document; the venues name them differently."""
    if "bids" in document:
        return document["bids"], document["asks"]
    return document["b"], document["a"]
