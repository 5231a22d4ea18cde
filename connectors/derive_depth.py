"""Partial books made from differences: a recording of differences drives the partial-depth path.

Owns the rebuilding and the writing. Each difference that the book can take becomes ``<symbol>@depth20@100ms`` in the
venue's shape, with the decimal text that the exchange wrote; the differences that waited for the snapshot follow it one
by one, so that none of their states is lost. Snapshots, and differences that never join, are dropped. Everything else
passes untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from connectors.raw_topic import Message
from connectors.streams import Kind, parse_stream
from orderbook.book import Book
from orderbook.events import Diff, Side
from orderbook.sequence import follows, joins_snapshot, older_than_snapshot

LEVELS: Final = 20
_WAITING: Final = 2_000

Document: TypeAlias = dict[str, Any]
Texts: TypeAlias = dict[float, list[str]]


def derive_depth20(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages with partial books in the place of differences and snapshots."""
    books: dict[bytes | None, _Deriver] = {}
    for message in messages:
        named = _named(message)
        if named is None:
            yield message
            continue
        deriver = books.setdefault(message.key, _Deriver())
        try:
            derived = deriver.snapshot(named) if named.snapshot else deriver.diff(named)
        except (KeyError, TypeError, ValueError, IndexError):
            yield message  # malformed: for the job to say so
        else:
            yield from derived


class _Named(NamedTuple):
    """A difference or a snapshot, parsed."""

    snapshot: bool
    symbol: str
    data: Document
    message: Message


def _named(message: Message) -> _Named | None:
    """The message if it is a difference or a snapshot."""
    head = message.value[:200]
    if message.value.startswith(b'{"stream":') and b"@depth" not in head and b"@snapshot" not in head:
        return None  # most messages are trades and quotes: no need to parse them
    try:
        document = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        return None
    if type(document) is not dict:
        return None
    told = document.get("stream")
    name = told if type(told) is str else dict(message.headers).get("stream", b"").decode("utf-8", "replace")
    parsed = parse_stream(name)
    if parsed is None or parsed[1] not in {Kind.DIFF, Kind.SNAPSHOT}:
        return None
    data = document.get("data", document)
    return _Named(parsed[1] is Kind.SNAPSHOT, name.partition("@")[0], data, message)


class _Deriver:
    """One instrument: its book, the text of its levels, and what waits for the snapshot."""

    def __init__(self) -> None:
        self._book = Book()
        self._texts: tuple[Texts, Texts] = {}, {}
        self._last_id: int | None = None
        self._joined = False
        self._waiting: deque[_Named] = deque(maxlen=_WAITING)

    def diff(self, told: _Named) -> list[Message]:
        """What follows from a difference."""
        diff = _ids(told.data)
        if self._last_id is None:
            self._waiting.append(told)
            return []
        if self._joined:
            seen, fits = diff.update_id <= self._last_id, follows(diff, self._last_id)
        else:
            seen, fits = older_than_snapshot(diff, self._last_id), joins_snapshot(diff, self._last_id)
        if seen:
            return []
        if not fits:
            self._last_id, self._joined = None, False
            self._waiting.append(told)
            return []
        return [self._applied(told)]

    def snapshot(self, told: _Named) -> list[Message]:
        """What follows from a snapshot: the differences that waited for it."""
        snapshot_id = told.data["lastUpdateId"]
        if self._last_id is not None:
            return []
        newer = [waiting for waiting in self._waiting if not older_than_snapshot(_ids(waiting.data), snapshot_id)]
        if newer and not joins_snapshot(_ids(newer[0].data), snapshot_id):
            return []
        self._texts = {}, {}
        self._book.replace(self._remember(0, told.data["bids"]), self._remember(1, told.data["asks"]))
        self._last_id, self._joined = snapshot_id, False
        self._waiting.clear()
        return [self._applied(waiting)._replace(recv_ns=told.message.recv_ns) for waiting in newer]

    def _applied(self, told: _Named) -> Message:
        data = told.data
        self._book.apply(self._remember(0, data["b"]), self._remember(1, data["a"]))
        self._last_id, self._joined = data["u"], True
        bids, asks = self._top(0), self._top(1)
        name = f"{told.symbol}@depth{LEVELS}@100ms"
        if "pu" in data:
            partial = {**data, "b": bids, "a": asks}
        else:
            partial = {"lastUpdateId": data["u"], "bids": bids, "asks": asks}
        return told.message._replace(value=orjson.dumps({"stream": name, "data": partial}))

    def _remember(self, side: int, levels: list[list[str]]) -> Side:
        """The levels as numbers, their text kept."""
        texts = self._texts[side]
        changes: Side = []
        for level in levels:
            price, quantity = float(level[0]), float(level[1])
            changes.append((price, quantity))
            if quantity:
                texts[price] = level[:2]
            else:
                texts.pop(price, None)
        return changes

    def _top(self, side: int) -> list[list[str]]:
        texts = self._texts[side]
        return [texts[price] for price in (self._book.asks if side else self._book.bids).top(LEVELS)[::2]]


def _ids(data: Document) -> Diff:
    return Diff(0, 0, None, None, None, data["u"], data["U"], data.get("pu"), [], [])
