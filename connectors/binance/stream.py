"""One stream of one symbol: what its messages are, and what was last seen of them. Values that the core keeps current."""

from __future__ import annotations

from typing import NamedTuple

from connectors.binance.book_feed import BookFeed
from connectors.binance.chain import RESTART_MS
from connectors.binance.frame_head import Ids, Picker, Reader, picker, reader
from connectors.binance.pacing import Patience
from connectors.streams import Kind


class Frame(NamedTuple):
    """A message as it arrived."""

    ids: Ids
    data: bytes
    recv_ns: int


class Stream:
    """A wanted stream.

    Attributes:
        name: As in frames: ``btcusdt@depth@100ms``.
        symbol: In upper case.
        kind: What its messages are.
        read: From a large frame to its ids.
        pick: From a parsed payload to its ids.
        last_id: The greatest id that passed, -1 before the first.
        heard_s: When its last message came; None before the first.
        patience: Without a message for that long it is silent.
        silent: Whether it is, as of the last look.
        book: Who follows its differences; None for other kinds.
        held: What the next socket brought too early, oldest first.
        held_s: Since when.
        held_by: The number of the socket that brought the newest of it.
        joined: The number of the next socket, once it can stand in for the old one.
    """

    __slots__ = (
        *("_clock_ms", "book", "heard_s", "held", "held_by", "held_s", "joined", "kind"),
        *("last_id", "name", "patience", "pick", "read", "silent", "symbol"),
    )

    def __init__(
        self, name: str, symbol: str, kind: Kind, *, chained: bool, patience: Patience, book: BookFeed | None
    ) -> None:
        self.name = name
        self.symbol = symbol
        self.kind = kind
        self.read: Reader = reader(kind, chained=chained)
        self.pick: Picker = picker(kind, chained=chained)
        self.last_id = -1
        self.heard_s: float | None = None
        self.patience = patience
        self.silent = False
        self.book = book
        self.held: list[Frame] = []
        self.held_s = 0.0
        self.held_by = 0
        self.joined = 0
        self._clock_ms = 0

    def is_new(self, ids: Ids, recv_ns: int) -> bool:
        """Whether the id is greater than any before, or the venue began to count anew; remembers it then."""
        clock_ms = recv_ns // 1_000_000 if ids[0] is None else ids[0]
        if ids[1] <= self.last_id and clock_ms - self._clock_ms <= RESTART_MS:
            return False
        self.last_id = ids[1]
        self._clock_ms = clock_ms
        return True
