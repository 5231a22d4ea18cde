"""What the exchange would have sent: told items of the core's tests as raw messages of the topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import orjson

from connectors.decode import Decoder
from connectors.raw import RawBatch
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import Diff, MeasureConfig, Partial, Quote, Snapshot
from orderbook.events import Side
from tests.orderbook.feeds import TOPIC, Book, Told


def pipeline(config: MeasureConfig | None = None) -> Pipeline:
    config = config if config is not None else MeasureConfig()
    return Pipeline(Decoder(depth_levels=config.depth_levels), config, Counts())


def value(instrument: str, item: Told) -> bytes:
    """The message's JSON."""
    venue, _, symbol = instrument.partition(":")
    if isinstance(item, Book) and item.event.update_id is None:
        return orjson.dumps(_normalised(symbol, item))
    if isinstance(item, Book):
        stream, data = "depth20@100ms", _partial(venue, item)
    elif isinstance(item, Diff):
        stream, data = "depth@100ms", _diff(item)
    elif isinstance(item, Snapshot):
        stream = "snapshot"
        data = {"lastUpdateId": item.update_id, "bids": _text(item.bids), "asks": _text(item.asks)}
    elif isinstance(item, Quote):
        stream, (_, update_id, *best) = "bookTicker", item
        data = {"u": update_id, "s": symbol, **dict(zip(("b", "B", "a", "A"), map(str, best), strict=True))}
    else:
        stream = "aggTrade" if item.aggregate else "trade"
        data = {"e": stream, "E": item.clock_ms, "T": item.clock_ms, "a" if item.aggregate else "t": item.trade_id}
        data |= {"p": "100", "q": str(abs(item.quantity)), "m": item.quantity < 0}
        data |= {"X": "MARKET" if item.market else "INSURANCE_FUND"}
    return orjson.dumps({"stream": f"{symbol.lower()}@{stream}", "data": data})


def speak(messages: Iterable[tuple[str, Told]], partition: int = 0) -> RawBatch:
    """Messages of any instruments in their order, as they would lie in one partition: offsets from 0 on."""
    raw = RawBatch(TOPIC)
    for offset, (instrument, item) in enumerate(messages):
        event = item.event if isinstance(item, Book) else item
        ms = event.timestamp_ms if isinstance(event, Partial | Diff) else 0
        ns = event.receive_time_ns if isinstance(event, Partial | Diff) else None
        raw.append(
            value(instrument, item),
            key=instrument.encode(),
            headers=None if ns is None else [("recv_ns", str(ns).encode())],
            partition=partition,
            offset=offset,
            timestamp_ms=ms,
        )
    return raw


def split(raw: RawBatch, *cuts: int) -> list[RawBatch]:
    """A batch in pieces."""
    ends = [0, *sorted(cuts), len(raw)]
    return [raw.only(0, set(raw.offsets[a:b])) for a, b in pairwise(ends)]


def woven(*feeds: tuple[str, Sequence[Told]]) -> list[tuple[str, Told]]:
    """Several instruments' feeds, message by message in turn, with the offsets that they get by that."""
    rows: list[tuple[str, Told]] = []
    for place in range(max(len(told) for _, told in feeds)):
        rows += [(instrument, told[place]) for instrument, told in feeds if place < len(told)]
    return [(instrument, _at(offset, item)) for offset, (instrument, item) in enumerate(rows)]


def _at(offset: int, item: Told) -> Told:
    if isinstance(item, Book):
        return item._replace(event=item.event._replace(offset=offset))
    return item._replace(offset=offset)


def _text(side: Side) -> list[list[str]]:
    return [[str(price), str(quantity)] for price, quantity in side]


def _partial(venue: str, item: Book) -> dict[str, Any]:
    event, bids, asks = item.event, _text(item.bids), _text(item.asks)
    if venue == "binance-spot":
        return {"lastUpdateId": event.update_id, "bids": bids, "asks": asks}
    return {
        "e": "depthUpdate",
        "E": event.event_time_ms,
        "T": event.transaction_time_ms,
        "U": 1,
        "u": event.update_id,
        "pu": 0,
        "b": bids,
        "a": asks,
    }


def _diff(item: Diff) -> dict[str, Any]:
    data = {"e": "depthUpdate", "E": item.event_time_ms, "U": item.first_id, "u": item.update_id}
    if item.previous_id is not None:
        data |= {"T": item.transaction_time_ms, "pu": item.previous_id}
    return data | {"b": _text(item.bids), "a": _text(item.asks)}


def _normalised(symbol: str, item: Book) -> dict[str, Any]:
    data: dict[str, Any] = {"symbol": symbol, "bids": item.bids, "asks": item.asks}
    return data if item.event.event_time_ms is None else data | {"ts_ms": item.event.event_time_ms}
