"""Load and reader of a measurement of latency, each a process of its own: ``python -m benchmarks.pace generate|listen``.

A raw message carries the time of its production (``recv_ns``), its record carries that on, and the reader subtracts it from
now: the processes share the machine's clock.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.workload import Message, depth20

_PREPARED: Final = 100_000
_STEP_S: Final = 0.002
_RECEIVED: Final = re.compile(rb'"receive_time_ns":(\d+)')


class Load(NamedTuple):
    """How much, and for how long."""

    rate: int
    seconds: float
    warm_up_s: float
    symbols: int = 20
    partitions: int = 4

    @property
    def messages(self) -> int:
        """Of the warm-up and of what is measured."""
        return int(self.rate * (self.warm_up_s + self.seconds))

    def arguments(self) -> list[str]:
        """For the processes' command lines."""
        return list(map(str, self))


def generate(bootstrap: str, raw: str, load: Load) -> None:
    """Produce at the rate, evenly; each message says when."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, "enable.idempotence": True})
    messages = prepared(load)
    begin = time.monotonic()
    done = 0
    while done < load.messages:
        due = min(int((time.monotonic() - begin) * load.rate), load.messages)
        for message in islice(messages, due - done):
            headers: list[tuple[str, str | bytes | None]] = [("recv_ns", b"%d" % time.time_ns())]
            producer.produce(raw, message.value, message.key, message.partition, headers=headers)
        done = due
        producer.poll(0)
        time.sleep(_STEP_S)
    producer.flush(30)


def prepared(load: Load) -> Iterator[Message]:
    """The first messages are made before any is sent: what making them costs must not be taken from the others' cores."""
    messages = depth20(load.messages, load.symbols, load.partitions)
    return chain(list(islice(messages, _PREPARED)), messages)


def listen(bootstrap: str, metrics: str, load: Load, out: Path) -> None:
    """Read every record once it can be read; write (production time, latency) pairs in ns."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False})
    consumer.assign([TopicPartition(metrics, partition, 0) for partition in range(load.partitions)])
    left = load.messages
    pairs = np.zeros((left, 2), np.int64)
    while left:
        message = consumer.poll(60.0)
        now = time.time_ns()
        if message is None:
            raise RuntimeError(f"expected {left} records more, received none for a minute")
        found = _RECEIVED.search(message.value() or b"")
        if message.error() is None and found is not None:
            left -= 1
            sent = int(found[1])
            pairs[left] = sent, now - sent
    np.save(out, pairs)


def main() -> None:
    """What the parent asks for: role, broker, topic, the load's five numbers, and where the reader writes."""
    role, bootstrap, topic, rate, seconds, warm_up_s, symbols, partitions, *out = sys.argv[1:]
    load = Load(int(rate), float(seconds), float(warm_up_s), int(symbols), int(partitions))
    if role == "generate":
        generate(bootstrap, topic, load)
    else:
        listen(bootstrap, topic, load, Path(out[0]))


if __name__ == "__main__":
    main()
