"""What a raw message testifies, read independently of the decoder that the job uses.

Owns the auditor's own, simple reading: quotes (``@bookTicker``) and trades in full, of depth only its update id. It
never rejects: what it does not understand is a message that the job must have answered with a record or a fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from connectors.raw import Headers
from connectors.streams import Kind, parse_stream

_ENVELOPE: Final = re.compile(rb'\s*\{\s*"stream"\s*:\s*"([^"\\]+)"')
_UPDATE_ID: Final = re.compile(rb'"(?:u|lastUpdateId)"\s*:\s*(\d+)')
_BOOKS: Final = frozenset({Kind.PARTIAL, Kind.DIFF, Kind.SNAPSHOT})
_HEAD_BYTES: Final = 512
"""The envelope's name and the ids stand before the levels."""


class Quote(NamedTuple):
    """The exchange's own best prices: bid, its quantity, ask, its quantity, as of the book's ``update_id``.

    ``clock_ms`` is the exchange's clock, where it tells none (spot) the receiver's, 0 when nobody does.
    """

    update_id: int
    best: tuple[float, float, float, float]
    clock_ms: int = 0


class TradeSeen(NamedTuple):
    """One execution; ``quantity`` > 0: the buyer took. ``market`` is False where no order in the book caused it.

    ``clock_ms`` is when it was told, by the exchange's clock; ``price`` is None when the message tells none.
    """

    trade_id: int
    quantity: float
    aggregate: bool
    market: bool
    clock_ms: int = 0
    price: float | None = None


class Depth(NamedTuple):
    """A partial book or a difference: it must become a record or a fault, unless its ids were seen before."""

    update_id: int | None


class SnapshotSeen(NamedTuple):
    """A whole book, asked for beside the stream."""

    update_id: int | None


class Unknown(NamedTuple):
    """Nothing that this reader understands."""


Testimony: TypeAlias = Quote | TradeSeen | Depth | SnapshotSeen | Unknown

UNKNOWN: Final = Unknown()


def read_testimony(value: bytes | None, headers: Headers | None = None) -> tuple[str, Testimony]:
    """(symbol or nothing, testimony) of one raw message."""
    stream = stream_name(value, headers)
    parsed = parse_stream(stream) if stream is not None else None
    if parsed is None or value is None:
        return "", _without_stream(value)
    symbol, kind = parsed
    try:
        return symbol, _read(kind, value, headers)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return symbol, UNKNOWN


def stream_name(value: bytes | None, headers: Headers | None) -> str | None:
    """The stream of a message, from its envelope or its header; None when nothing names one."""
    match = _ENVELOPE.match(value[:_HEAD_BYTES]) if value is not None else None
    name = match[1] if match is not None else dict(headers or ()).get("stream")
    return name.decode("utf-8", "replace") if name is not None else None


def _without_stream(value: bytes | None) -> Testimony:
    """A bare message; depth when it has an id where depth messages have theirs."""
    match = _UPDATE_ID.search(value[:_HEAD_BYTES]) if value is not None else None
    return Depth(int(match[1])) if match is not None else UNKNOWN


def _read(kind: Kind, value: bytes, headers: Headers | None) -> Testimony:
    if kind in _BOOKS:
        match = _UPDATE_ID.search(value[:_HEAD_BYTES])
        update_id = int(match[1]) if match is not None else None
        return SnapshotSeen(update_id) if kind is Kind.SNAPSHOT else Depth(update_id)
    document = orjson.loads(value)
    data: Mapping[str, Any] = document.get("data", document)
    if kind is Kind.BOOK_TICKER:
        best = float(data["b"]), float(data["B"]), float(data["a"]), float(data["A"])
        return Quote(data["u"], best, data.get("E") or _received_ms(headers))
    quantity = float(data["q"])
    return TradeSeen(
        trade_id=data["a"] if kind is Kind.AGG_TRADE else data["t"],
        quantity=-quantity if data["m"] else quantity,
        aggregate=kind is Kind.AGG_TRADE,
        market=data.get("X", "MARKET") == "MARKET",
        clock_ms=data.get("E") or data.get("T") or 0,
        price=float(data["p"]) if "p" in data else None,
    )


def _received_ms(headers: Headers | None) -> int:
    told = dict(headers or ()).get("recv_ns", b"")
    return int(told) // 1_000_000 if told.isdigit() else 0
