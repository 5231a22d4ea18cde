"""What an instrument can be told: the vocabulary between the edges that decode and the core that measures.

Rule 1: these are values. Nothing here parses, checks or remembers.
Rule 2: times are the exchange's or the receiver's, handed in; the core has no clock.
Rule 3: ``offset`` and ``timestamp_ms`` say where an event came from. The core carries them to the record and never
reads them.

Prices and quantities are float64; a quantity in a difference is absolute, and 0.0 removes the level.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Side: TypeAlias = list[tuple[float, float]]
"""(price, quantity) pairs of one side of the book, in the order they were received."""


class Partial(NamedTuple):
    """The best levels of a book as a whole: a depth message that needs no memory.

    Its levels are row ``row`` of the level block that travels beside the events (see ``orderbook.levels``).
    """

    offset: int
    timestamp_ms: int
    receive_time_ns: int | None
    event_time_ms: int | None
    transaction_time_ms: int | None
    update_id: int | None
    row: int


class Diff(NamedTuple):
    """A change of a full book: absolute quantities at the prices that changed.

    ``first_id`` .. ``update_id`` are the book's ids that it covers (Binance ``U`` .. ``u``); ``previous_id`` is the
    ``update_id`` of the difference before it (futures ``pu``), None where the venue counts without gaps (spot).
    """

    offset: int
    timestamp_ms: int
    receive_time_ns: int | None
    event_time_ms: int | None
    transaction_time_ms: int | None
    update_id: int
    first_id: int
    previous_id: int | None
    bids: Side
    asks: Side


class Snapshot(NamedTuple):
    """A whole book, asked for beside the stream: seeds a full book or is compared with it. Never a record."""

    offset: int
    update_id: int
    bids: Side
    asks: Side


class Trade(NamedTuple):
    """One execution. ``quantity`` is signed by the aggressor: > 0 the buyer took, < 0 the seller took.

    ``aggregate`` tells ``@aggTrade`` from ``@trade`` (both tell the same volume, so only one kind may count);
    ``market`` is False for futures trades that no order in the book caused (insurance fund, ADL).
    """

    offset: int
    trade_id: int
    clock_ms: int
    quantity: float
    aggregate: bool
    market: bool


class Quote(NamedTuple):
    """The venue's own best prices as of the book's ``update_id`` (``@bookTicker``); evidence, never a record.

    An empty side is told as price 0.0, quantity 0.0.
    """

    offset: int
    update_id: int
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float


Event: TypeAlias = Partial | Diff | Snapshot | Trade | Quote
