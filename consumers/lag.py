"""How far records are behind the raw topic, told from the topics alone: no job is asked, none must run."""

from __future__ import annotations

import time
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, TopicPartition

from connectors.broker import Broker

_CONSUMER: Final[dict[str, Any]] = {
    "group.id": "obi",  # a group must be named, none is joined
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
}
_LOOK_BACK: Final = 50
_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.1


def lag_of(broker: Broker, raw: str, metrics: str) -> dict[int, int]:
    """Raw messages after the newest record's source, by partition; trades among them have no record, so it is a bound.

    Raises:
        BrokerError: the broker did not answer.
    """
    raw_offsets = broker.offsets(raw, broker.partitions_of(raw))
    newest = _newest_sources(broker, metrics)
    return {
        partition: max(0, end - max(first, newest.get(partition, -1) + 1))
        for partition, (first, end) in raw_offsets.items()
    }


def _newest_sources(broker: Broker, metrics: str) -> dict[int, int]:
    """Highest source offset among the last records of each partition."""
    offsets = broker.offsets(metrics, broker.partitions_of(metrics))
    ends = {partition: end for partition, (first, end) in offsets.items() if end > first}
    consumer = Consumer(broker.config(_CONSUMER))
    newest: dict[int, int] = {}
    try:
        consumer.assign(
            [TopicPartition(metrics, part, max(offsets[part][0], end - _LOOK_BACK)) for part, end in ends.items()]
        )
        deadline = time.monotonic() + _PATIENCE_S
        while ends and time.monotonic() < deadline:
            for message in consumer.consume(1000, _POLL_S):
                partition, offset = message.partition() or 0, message.offset() or 0
                if message.error() is None:
                    source = _source(message.value())
                    newest[partition] = max(newest.get(partition, -1), source)
                    if offset + 1 >= ends.get(partition, 0):
                        ends.pop(partition, None)
    finally:
        consumer.close()
    return newest


def _source(value: bytes | None) -> int:
    try:
        return int(orjson.loads(value or b"")["source"]["offset"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return -1
