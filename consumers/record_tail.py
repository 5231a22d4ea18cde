"""The end of the metrics topic, followed: the newest records first, then each as it comes.

Owns where to start (a little before the end of each partition), and that no consumer group is joined: whoever looks
must not disturb whoever works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.broker import Broker, is_transient

_CONSUMER: Final[dict[str, Any]] = {
    "group.id": "obi",  # a group must be named, none is joined
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 50,
}


class Arrived(NamedTuple):
    """One record, where it lies, and the Kafka timestamp (ms) of the raw message that caused it."""

    record: Mapping[str, Any]
    timestamp_ms: int
    partition: int
    offset: int


class RecordTail:
    """Follows the metrics topic from near its end.

    Args:
        broker: Where it is.
        topic: The metrics topic.
        tail: Records of each partition to begin with.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: The broker does not answer.
    """

    def __init__(self, broker: Broker, topic: str, *, tail: int = 200) -> None:
        self._broker = broker
        offsets = broker.offsets(topic, broker.partitions_of(topic))
        self._ends = {partition: end for partition, (first, end) in offsets.items() if end > first}
        self._consumer = Consumer(broker.config(_CONSUMER))
        self._consumer.assign(
            [TopicPartition(topic, partition, max(first, end - tail)) for partition, (first, end) in offsets.items()]
        )

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return not self._ends

    def poll(self, timeout_s: float) -> list[Arrived]:
        """The records that have come, in the order of each partition; what is no record of ours is passed over."""
        arrived = []
        for message in self._consumer.consume(2000, timeout_s):
            error = message.error()
            if error is not None:
                if is_transient(error):
                    continue
                raise self._broker.failed("records", KafkaException(error))
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition in self._ends and offset + 1 >= self._ends[partition]:
                del self._ends[partition]
            try:
                record = orjson.loads(message.value() or b"null")
            except orjson.JSONDecodeError:
                continue
            if isinstance(record, dict) and "seq" in record:
                arrived.append(Arrived(record, message.timestamp()[1], partition, offset))
        return arrived

    def close(self) -> None:
        """Leave."""
        self._consumer.close()
