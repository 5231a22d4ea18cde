"""Records for tests of what reads them: whole ones, of which a test says what matters to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from confluent_kafka import Producer

from consumers.record_tail import Arrived
from orderbook.record import FIELDS, SCHEMA

VENUE, SYMBOL = "binance-usdm", "BTCUSDT"
INSTRUMENT = f"{VENUE}:{SYMBOL}"
FIVE = {
    "orderflow_imbalance": 0.235,
    "delta_volume": 12.45,
    "bid_ask_spread_pct": 0.01,
    "order_book_depth_ratio": 1.123,
    "large_order_presence": 0.2,
}


def made(seq: int, *, offset: int | None = None, received_ns: int | None = None, **said: Any) -> dict[str, Any]:
    """A live record; its raw offset is 10 * seq, its receive time seq seconds, unless said."""
    record: dict[str, Any] = {field.name: 0.5 if field.kind == "float" else 1 for field in FIELDS}
    source = {"topic": "raw", "partition": 0, "offset": 10 * seq if offset is None else offset}
    identity = {"schema": SCHEMA, "venue": VENUE, "symbol": SYMBOL, "state": "live", "seq": seq, "source": source}
    received = {"receive_time_ns": seq * 1_000_000_000 if received_ns is None else received_ns}
    texts = {field.name: "snapshot" for field in FIELDS if field.kind == "text"}
    return {**record, **texts, **identity, **received, **FIVE, **said}


def arrived(*records: dict[str, Any], written_ms: int = 0) -> list[Arrived]:
    """As they come from a partition."""
    return [Arrived(record, written_ms, 0, offset) for offset, record in enumerate(records)]


def write(servers: str, topic: str, records: Iterable[dict[str, Any] | bytes], partition: int = 0) -> None:
    """Into the metrics topic, acknowledged."""
    producer = Producer({"bootstrap.servers": servers})
    for record in records:
        if isinstance(record, bytes):
            producer.produce(topic, record, None, partition)
        else:
            key = f"{record['venue']}:{record['symbol']}"
            producer.produce(topic, orjson.dumps(record), key.encode(), partition)
    assert producer.flush(20) == 0
