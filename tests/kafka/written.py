"""What tests of the sinks write and read: records that answer to raw offsets, as the real ones do."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from connectors.outgoing import OutBatch
from connectors.tail import record_answers_to


def records(partition: int, first: int, count: int, size: int = 0) -> OutBatch:
    """Answers to the raw offsets `first`, `first + 1`, ..."""
    pad = "x" * size
    values: list[bytes | None] = [
        b'{"pad":"%s","source":{"topic":"raw","partition":%d,"offset":%d}}' % (pad.encode(), partition, offset)
        for offset in range(first, first + count)
    ]
    return OutBatch(partition, [b"k"] * count, values, [now_ms()] * count)


def now_ms() -> int:
    """Not any number: what is older than the retention may be deleted while the test looks."""
    return int(time.time() * 1000)


def messages(servers: str, topic: str, partition: int, isolation: str = "read_committed") -> list[Message]:
    """All that a reader sees now, in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "x",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "fetch.wait.max.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[Message] = []
    try:
        while True:
            message = consumer.poll(30.0)
            assert message is not None
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                return found
            else:
                raise AssertionError(error.str())
    finally:
        consumer.close()


def answered(servers: str, topic: str, partition: int = 0, isolation: str = "read_committed") -> list[int]:
    """The raw offsets that the records there answer to."""
    return [record_answers_to(m.value(), None) for m in messages(servers, topic, partition, isolation)]


def transaction_of(servers: str, topic: str, batch: OutBatch, **config: str | int) -> Producer:
    """A producer with an open transaction that holds the batch, as a process that is killed leaves one behind."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "transactional.id": f"obi.{topic}.{batch.partition:05d}",
            "log_level": 0,
            **config,
        }
    )
    producer.init_transactions(30.0)
    producer.begin_transaction()
    for key, value, timestamp_ms in zip(batch.keys, batch.values, batch.timestamps_ms, strict=True):
        producer.produce(topic, value, key, batch.partition, None, None, timestamp_ms)
    assert producer.flush(30.0) == 0
    return producer
