"""The bare loop that the job's speed is held against: consume, (parse,) produce a record of a fixed text.

Run as ``python -m benchmarks.loop BOOTSTRAP RAW OUT PARTITIONS MESSAGES pass|loads|tuned``. It computes nothing, keeps
no state and checks no delivery: what is left is the price of Kafka and, but for ``pass``, of ``orjson.loads``. ``tuned``
changes one setting of librdkafka's consumer: once its local queue is full, it looks again after 20 ms, not 1 s. With the
default a loop that parses waits for messages most of the time; ``obi`` sets it as well.
"""

from __future__ import annotations

import sys
from typing import Final

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

RECORD: Final = b'{"symbol":"BTCUSDT",' + b",".join(b'"metric_%02d":0.12345678901234567' % i for i in range(22)) + b"}"
"""As long as a metric record was before it had the flow features; those of today are longer, so this is kind to the loop."""

POLL: Final = 1_000


def clients(bootstrap: str, raw: str, partitions: int, *, tuned: bool) -> tuple[Consumer, Producer]:
    """A consumer at the beginning of all partitions, and an idempotent producer."""
    tuning = {"fetch.queue.backoff.ms": 20} if tuned else {}
    settings = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False}
    consumer = Consumer(settings | tuning)
    consumer.assign([TopicPartition(raw, partition, 0) for partition in range(partitions)])
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 5,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    return consumer, producer


def loop(bootstrap: str, raw: str, out: str, partitions: int, messages: int, *, mode: str) -> None:
    """Copy ``messages`` messages, one record for each."""
    consumer, producer = clients(bootstrap, raw, partitions, tuned=mode == "tuned")
    done = 0
    while done < messages:
        polled = consumer.consume(POLL, 0.1)
        for message in polled:
            if mode != "pass":
                orjson.loads(message.value() or b"")
            producer.produce(out, RECORD, message.key(), message.partition() or 0)
        done += len(polled)
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    servers, raw_topic, out_topic, count, total, what = sys.argv[1:]
    loop(servers, raw_topic, out_topic, int(count), int(total), mode=what)
