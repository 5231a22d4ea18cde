"""One message decoded by the book: slow, obvious, and the truth that the fast path is held to.

Owns the meaning of every accepted form: which fields it needs, what they may be, and the reason when they are not.
Raises ``MalformedError`` for a message that becomes a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from connectors.decode_levels import read_sides, side_names
from connectors.names import Names, Told
from connectors.numbers import (
    MAX_ID,
    NUMBER,
    MalformedError,
    optional_id,
    parse_json,
    require,
    require_amount,
    require_id,
    show,
)
from connectors.raw import Headers, RawBatch
from connectors.streams import Kind
from orderbook.events import Diff, Quote, Side, Snapshot, Trade

Payload: TypeAlias = dict[str, Any]


class PartialDraft(NamedTuple):
    """A ``Partial`` whose row in the level block is not known yet, with the levels that go there (quantity > 0)."""

    offset: int
    timestamp_ms: int
    receive_time_ns: int | None
    event_time_ms: int | None
    transaction_time_ms: int | None
    update_id: int | None
    bids: Side
    asks: Side


Item: TypeAlias = PartialDraft | Diff | Snapshot | Trade | Quote

FUTURES: Final = frozenset({"binance-usdm", "binance-coinm"})
"""Venues whose differences are chained by ``pu``."""

SPOT: Final = "binance-spot"

_LAST_MS: Final = MAX_ID // 1_000_000
"""Latest Kafka timestamp (ms) that can be told in ns."""

_SELF_DESCRIBING: Final = {
    "trade": Kind.TRADE,
    "aggTrade": Kind.AGG_TRADE,
    "bookTicker": Kind.BOOK_TICKER,
}
_SPOT_TICKER: Final = frozenset("usbBaA")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the decoder was told: ``bare_depth`` is Kind.PARTIAL, Kind.DIFF or None; limits are counts and bytes."""

    names: Names
    bare_depth: Kind | None
    depth_levels: int
    max_levels: int
    max_message_bytes: int


def decode_one(raw: RawBatch, index: int, rules: Rules) -> tuple[str, Item]:
    """Message ``index`` as (instrument, item); raises ``MalformedError``."""
    value = raw.values[index]
    if value is not None and len(value) > rules.max_message_bytes:
        raise MalformedError("oversize", f"expected at most {rules.max_message_bytes} bytes, received {len(value)}")
    envelope, data = _open(parse_json(value))
    stream, recv = read_headers(raw.headers[index])
    named = rules.names.resolve(
        Told(raw.keys[index], envelope, stream, payload_name(data, "s"), payload_name(data, "symbol")),
    )
    receive_time_ns = read_receive_time(recv, raw.timestamps_ms[index])
    kind = named.kind or bare_kind(data, rules.bare_depth)
    where = (raw.offsets[index], raw.timestamps_ms[index], receive_time_ns)
    return named.instrument, _read(data, kind, named.venue, where, rules)


def read_headers(headers: Headers | None) -> tuple[bytes | None, bytes | None]:
    """(``stream``, ``recv_ns``) of Kafka headers: the last of each name, None without one."""
    stream = recv = None
    if headers:
        for name, value in headers:
            if name == "recv_ns":
                recv = value
            elif name == "stream":
                stream = value
    return stream, recv


def read_receive_time(recv: bytes | None, timestamp_ms: int) -> int | None:
    """Receive time, ns: the header's, else Kafka's; None when Kafka has none (negative) or one beyond the year 2262."""
    if recv is None:
        return timestamp_ms * 1_000_000 if 0 <= timestamp_ms <= _LAST_MS else None
    if recv.isdigit() and len(recv) <= 19 and (time := int(recv)) <= MAX_ID:
        return time
    raise MalformedError("bad_number", f"expected decimal nanoseconds in header recv_ns, received {show(recv)}")


def _open(document: object) -> tuple[str | None, Payload]:
    """(stream name, payload) of an envelope, (None, payload) of a bare message."""
    if type(document) is not dict:
        raise MalformedError("unknown_stream", f"expected a JSON object, received {show(document)}")
    if "stream" not in document:
        return None, document
    stream, data = document["stream"], document.get("data")
    if type(stream) is not str:
        raise MalformedError("unknown_stream", f"expected text at stream, received {show(stream)}")
    if data is None:
        require(document, "data")
    if type(data) is not dict:
        # A stream of ours never carries anything else, so this is another stream (or no stream).
        raise MalformedError("unknown_stream", f"expected an object at data of {show(stream)}, received {show(data)}")
    return stream, data


def payload_name(data: Payload, field: str) -> str | None:
    """The symbol that the payload tells in ``field``; null is as good as missing."""
    value = data.get(field)
    if value is None:
        return None
    if type(value) is not str or not value:
        raise MalformedError("missing_field", f"expected a symbol at {field}, received {show(value)}")
    return value


def bare_kind(data: Payload, bare_depth: Kind | None) -> Kind:
    """The kind of a message that no stream name describes."""
    event = data.get("e")
    if event == "depthUpdate":
        if bare_depth is None:
            raise MalformedError(
                "ambiguous_depth",
                'expected a stream name or the setting bare_depth, received "depthUpdate" without either',
            )
        return bare_depth
    if type(event) is str and event in _SELF_DESCRIBING:
        return _SELF_DESCRIBING[event]
    if "bids" in data or "asks" in data:
        if data.get("lastUpdateId") is not None:
            return Kind.PARTIAL
        if data.get("symbol") is not None:
            return Kind.NORMALISED
    elif data.keys() >= _SPOT_TICKER:
        return Kind.BOOK_TICKER
    raise MalformedError("unknown_stream", f"expected a known message, received fields {show(sorted(data))}")


def _read(data: Payload, kind: Kind, venue: str, where: tuple[int, int, int | None], rules: Rules) -> Item:
    """The payload as what ``kind`` says it is; ``where`` is (offset, Kafka timestamp ms, receive time ns)."""
    if kind is Kind.BOOK_TICKER:
        return read_quote(data, where[0])
    if kind in (Kind.TRADE, Kind.AGG_TRADE):
        return read_trade(data, where[0], where[2], aggregate=kind is Kind.AGG_TRADE)
    if kind is Kind.DIFF:
        event_time, transaction_time, update_id, first_id, previous_id = read_diff_ids(data, venue)
        bids, asks = read_sides(data, rules.max_levels, ordered=False)
        return Diff(*where, event_time, transaction_time, update_id, first_id, previous_id, bids, asks)
    event_time, transaction_time, book_id = read_book_ids(data, kind)
    bids, asks = read_sides(data, rules.max_levels, ordered=True)
    if kind is Kind.SNAPSHOT:
        assert book_id is not None
        return Snapshot(where[0], book_id, bids, asks)
    levels = rules.depth_levels
    return PartialDraft(*where, event_time, transaction_time, book_id, bids[:levels], asks[:levels])


def read_book_ids(data: Payload, kind: Kind) -> tuple[int | None, int | None, int | None]:
    """(event time ms, transaction time ms, update id) of a partial book, a snapshot or the normalised form."""
    if kind is Kind.NORMALISED:
        return optional_id(data, "ts_ms"), None, None
    # Spot and REST say lastUpdateId, futures streams say u.
    name = "u" if data.get("lastUpdateId") is None else "lastUpdateId"
    if name == "u" and data.get("u") is None and side_names(data)[0] == "bids":
        name = "lastUpdateId"  # neither is there: name the one that this shape should have
    return optional_id(data, "E"), optional_id(data, "T"), require_id(data, name)


def read_diff_ids(data: Payload, venue: str) -> tuple[int | None, int | None, int, int, int | None]:
    """(event time ms, transaction time ms, ``u``, ``U``, ``pu``) of a difference."""
    event_time, transaction_time = optional_id(data, "E"), optional_id(data, "T")
    update_id, first_id = require_id(data, "u"), require_id(data, "U")
    if first_id > update_id:
        raise MalformedError("bad_number", f"expected U of at most u {update_id}, received {first_id}")
    if venue in FUTURES:
        return event_time, transaction_time, update_id, first_id, require_id(data, "pu")
    # Spot counts without gaps: its U alone links two differences.
    previous_id = None if venue == SPOT else optional_id(data, "pu")
    return event_time, transaction_time, update_id, first_id, previous_id


def read_trade(data: Payload, offset: int, receive_time_ns: int | None, *, aggregate: bool) -> Trade:
    """``@trade`` or ``@aggTrade``. Its clock is E, else T, else the receive time (0 when there is none)."""
    event_time, transaction_time = optional_id(data, "E"), optional_id(data, "T")
    trade_id = require_id(data, "a" if aggregate else "t")
    price, quantity = require_amount(data, "p"), require_amount(data, "q")
    buyer_is_maker = require(data, "m")
    if type(buyer_is_maker) is not bool:
        raise MalformedError("bad_number", f"expected true or false at m, received {show(buyer_is_maker)}")
    if price <= 0.0 or quantity == 0.0:
        raise MalformedError("bad_number", f"expected p and q above 0, received {show([data['p'], data['q']])}")
    if quantity < 0.0:
        raise MalformedError("negative_quantity", f"expected q above 0, received {show(data['q'])}")
    clock_ms = event_time if event_time is not None else transaction_time
    if clock_ms is None:
        clock_ms = (receive_time_ns or 0) // 1_000_000
    market = data.get("X") in (None, "MARKET")
    return Trade(offset, trade_id, clock_ms, -quantity if buyer_is_maker else quantity, aggregate, market)


def read_quote(data: Payload, offset: int) -> Quote:
    """``@bookTicker``. An empty side is told as price 0, quantity 0."""
    update_id = require_id(data, "u")
    optional_id(data, "E")
    optional_id(data, "T")
    best: list[float] = []
    for price, quantity in (("b", "B"), ("a", "A")):
        best += (require_amount(data, price), require_amount(data, quantity))
        if best[-2] < 0.0:
            raise MalformedError(
                "bad_number", f"expected {NUMBER}, not negative, at {price}, received {show(data[price])}"
            )
        if best[-1] < 0.0:
            raise MalformedError(
                "negative_quantity", f"expected a quantity of at least 0 at {quantity}, received {show(data[quantity])}"
            )
    return Quote(offset, update_id, *best)
