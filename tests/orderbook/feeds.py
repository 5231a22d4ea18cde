"""What an instrument is told, in the form of the tests: one item a message, each with its own levels.

Owns the way from such items to what the core takes (events and one block of levels a batch) and to finished records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import add
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import orjson

from connectors.encode import RecordEncoder
from connectors.encode_form import Texts, texts_of
from connectors.outgoing import Columns
from orderbook import Diff, Event, MeasureConfig, Measured, Measurer, Partial, Quote, Snapshot, Trade
from orderbook.audit import BookAudit
from orderbook.events import Side
from orderbook.groups import measure_groups
from orderbook.metrics import Block
from orderbook.presets import contract_size
from orderbook.quotes import QuoteTally
from orderbook.rows import Row

SPOT = "binance-spot:BTCUSDT"
USDM = "binance-usdm:BTCUSDT"
COINM = "binance-coinm:BTCUSD_PERP"
TOPIC = "depth.raw"

_ENCODER, _PLAIN = RecordEncoder(), RecordEncoder(pure=True)


class Book(NamedTuple):
    """A partial depth message with its levels, best first."""

    event: Partial
    bids: Side
    asks: Side


Levels: TypeAlias = Iterable[tuple[float, float]]
Told: TypeAlias = Book | Diff | Snapshot | Trade | Quote


def book(bids: Levels, asks: Levels, update_id: int | None = None, ms: int | None = None) -> Book:
    """A partial depth message; what is not said is absent."""
    return Book(Partial(0, 0, None, ms, None, update_id, 0), list(bids), list(asks))


def spot(first: int, last: int, bids: Levels = (), asks: Levels = (), *, ms: int = 1) -> Diff:
    """A spot difference ``U`` .. ``u``."""
    return Diff(0, 0, None, ms, None, last, first, None, list(bids), list(asks))


def futures(previous: int, first: int, last: int, bids: Levels = (), asks: Levels = (), *, ms: int = 1) -> Diff:
    """A futures difference ``pu``, ``U`` .. ``u``."""
    return Diff(0, 0, None, ms, None, last, first, previous, list(bids), list(asks))


def snapshot(update_id: int, bids: Levels = (), asks: Levels = ()) -> Snapshot:
    """A snapshot."""
    return Snapshot(0, update_id, list(bids), list(asks))


def quote(update_id: int, bid: float, bid_quantity: float, ask: float, ask_quantity: float) -> Quote:
    """The venue's own best prices."""
    return Quote(0, update_id, bid, bid_quantity, ask, ask_quantity)


def trade(trade_id: int, quantity: float, *, ms: int = 1, aggregate: bool = False, market: bool = True) -> Trade:
    """A trade; ``quantity`` is signed by the aggressor."""
    return Trade(0, trade_id, ms, quantity, aggregate, market)


def pack(told: Sequence[Told], *, depth_levels: int = 20, padding: int = 0) -> tuple[list[Event], Block]:
    """Items as one batch: events, and the block that partial books point into, ``padding`` levels wider than it must be."""
    events: list[Event] = []
    sides: list[tuple[Side, Side]] = []
    for item in told:
        if isinstance(item, Book):
            events.append(item.event._replace(row=len(sides)))
            sides.append((item.bids[:depth_levels], item.asks[:depth_levels]))
        else:
            events.append(item)
    width = max((len(side) for pair in sides for side in pair), default=0) + padding
    block = np.zeros((len(sides), 2, width, 2))
    for row, pair in enumerate(sides):
        for number, side in enumerate(pair):
            if side:
                block[row, number, : len(side)] = side
    return events, block


def unpack(events: Iterable[Event], levels: Block) -> list[Told]:
    """A batch as items: the way back from ``pack``."""
    told: list[Told] = []
    for event in events:
        if isinstance(event, Partial):
            bids, asks = ([(p, q) for p, q in side if p > 0.0] for side in levels[event.row].tolist())
            told.append(Book(event._replace(row=0), bids, asks))
        else:
            told.append(event)
    return told


def encode(config: MeasureConfig, measured: Measured, instrument: str = SPOT, partition: int = 0) -> list[bytes]:
    """The records of one batch, as the job writes them (compiled or not: the same)."""
    rows = measured.rows
    size = contract_size(instrument, config.contract_sizes)
    books = [measured.books], bytes(row.state for row in rows), config, [measured.before], [measured.carried]
    metrics = measure_groups(*books, contract_sizes=[size])
    assert np.array_equal(metrics, measure_groups(*books, contract_sizes=[size], kernel=None), equal_nan=True)
    told = rows, metrics, [len(rows)], [texts_of((instrument, partition), TOPIC)]
    records = documents(_ENCODER, *told)
    assert records == documents(_PLAIN, *told)
    return records


def documents(
    encoder: RecordEncoder, rows: list[Row], metrics: npt.NDArray[np.float64], counts: list[int], texts: list[Texts]
) -> list[bytes]:
    """The records of some instruments, all in one partition."""
    into: Columns = [], [], []
    encoder.encode(encoder.rows(rows, metrics), 0, counts, texts, [into] * len(texts))
    assert into[0] == [text[-1] for text, count in zip(texts, counts, strict=True) for _ in range(count)]
    assert into[2] == [row.timestamp_ms for row in rows]
    return cast("list[bytes]", into[1])


class Run:
    """An instrument's measurer with all that came out of it so far."""

    def __init__(self, config: MeasureConfig | None = None, instrument: str = SPOT, state: bytes = b"") -> None:
        self.config = config if config is not None else MeasureConfig()
        self.instrument = instrument
        self.measurer = Measurer(self.config, state)
        self.encoded: list[bytes] = []
        self.ignored: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()
        self.quotes = QuoteTally()
        self.audits: list[BookAudit] = []

    def feed(self, *told: Told, padding: int = 0) -> list[dict[str, Any]]:
        """Take items as one batch; the records that they became."""
        size = contract_size(self.instrument, self.config.contract_sizes)
        measured = self.measurer.feed(*pack(told, depth_levels=self.config.depth_levels, padding=padding), size)
        self.ignored += measured.ignored
        self.notices += measured.notices
        self.audits += measured.audits
        self.quotes = QuoteTally(*map(add, self.quotes, measured.quotes))
        encoded = encode(self.config, measured, self.instrument)
        self.encoded += encoded
        return [orjson.loads(record) for record in encoded]

    def one(self, item: Told) -> dict[str, Any]:
        """Take one item that becomes a record."""
        [record] = self.feed(item)
        return record

    def states(self, *told: Told) -> list[str]:
        """Take items one by one; the state that each recorded, or the reason why it is ignored."""
        out = []
        for item in told:
            before = self.ignored.copy()
            records = self.feed(item)
            out += [record["state"] for record in records] or list(self.ignored - before)
        return out

    def restart(self) -> None:
        """Forget all but the state."""
        self.measurer = Measurer(self.config, self.measurer.state())
