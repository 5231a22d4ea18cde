"""Everything that a topic holds, as a reader of committed messages sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from connectors.raw import Headers

SECONDS = 30.0


class Read(NamedTuple):
    """One message as it lies in its topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


def read_topic(servers: str, topic: str) -> Iterator[Read]:
    """The messages partition by partition, each in its order, up to what is committed now."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            # Offsets do not tell where the end is: markers of transactions take some and are never handed out.
            "enable.partition.eof": True,
            # The broker holds an answer without messages back for this long, and that answer is the end.
            "fetch.wait.max.ms": 10,
        }
    )
    try:
        for partition in sorted(consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions):
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            while (message := consumer.poll(SECONDS)) is not None:
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    break
                assert error is None, error
                yield Read(
                    partition,
                    message.offset() or 0,
                    message.key(),
                    message.value(),
                    cast("Headers", message.headers() or []),
                    message.timestamp()[1],
                )
            else:
                raise TimeoutError(f"partition {partition} of {topic} has no end after {SECONDS:.0f} s")
    finally:
        consumer.close()
