"""Load and reader of a measurement of latency, each a process of its own: ``python -m benchmarks.pace generate|listen``.

A raw message carries the time of its production (``recv_ns``), its record carries that on, and the reader subtracts it from
now: the processes share the machine's clock.
"""

from __future__ import annotations

import re
import sys
import time
from array import array
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.workload import WORKLOADS, Message

_PREPARED: Final = 100_000
_STEP_S: Final = 0.002
_SILENCE_S: Final = 60.0
_RECEIVED: Final = re.compile(rb'"receive_time_ns":(\d+)')


class Load(NamedTuple):
    """How much, and for how long."""

    rate: int
    seconds: float
    warm_up_s: float
    symbols: int = 20
    partitions: int = 4
    workload: str = "depth20"

    @property
    def messages(self) -> int:
        """Of the warm-up and of what is measured."""
        return int(self.rate * (self.warm_up_s + self.seconds))

    def arguments(self) -> list[str]:
        """For the processes' command lines."""
        return list(map(str, self))


def generate(bootstrap: str, raw: str, load: Load, sent: Path) -> None:
    """Produce at the rate, evenly; each message says when. At the end ``sent`` tells how many make a record."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "enable.idempotence": True})
    messages = prepared(load)
    begin = time.monotonic()
    done = records = 0
    while done < load.messages:
        due = min(int((time.monotonic() - begin) * load.rate), load.messages)
        for message in islice(messages, due - done):
            headers: list[tuple[str, str | bytes | None]] = [("recv_ns", b"%d" % time.time_ns())]
            producer.produce(raw, message.value, message.key, message.partition, headers=headers)
            records += message.is_depth
        done = due
        producer.poll(0)
        time.sleep(_STEP_S)
    producer.flush(30)
    # Written whole or not at all: somebody is looking for it.
    unfinished = sent.with_suffix(".unfinished")
    unfinished.write_text(str(records), encoding="utf-8")
    unfinished.replace(sent)


def prepared(load: Load) -> Iterator[Message]:
    """The first messages are made before any is sent: what making them costs must not be taken from the others' cores."""
    messages = WORKLOADS[load.workload](load.messages, load.symbols, load.partitions)
    return chain(list(islice(messages, _PREPARED)), messages)


def listen(bootstrap: str, metrics: str, load: Load, sent: Path, out: Path) -> None:
    """Read every record once it can be read, as many as were ``sent``; write (production time, latency) pairs in ns."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False})
    consumer.assign([TopicPartition(metrics, partition, 0) for partition in range(load.partitions)])
    times = array("q")
    wanted, last_s = -1, time.monotonic()
    while len(times) != 2 * wanted:
        message = consumer.poll(0.2)
        now = time.time_ns()
        if message is None:
            if wanted < 0 and sent.exists():
                wanted = int(sent.read_text(encoding="utf-8"))
            if time.monotonic() - last_s > _SILENCE_S:
                raise RuntimeError(f"expected {wanted} records, received {len(times) // 2} and none for a minute")
        elif message.error() is None and (found := _RECEIVED.search(message.value() or b"")):
            last_s = time.monotonic()
            received = int(found[1])
            times.extend((received, now - received))
    np.save(out, np.array(times, np.int64).reshape(-1, 2))


def main() -> None:
    """What the parent asks for: role, broker, topic, the load's values, and the files between the processes."""
    role, bootstrap, topic, rate, seconds, warm_up_s, symbols, partitions, workload, sent, *out = sys.argv[1:]
    load = Load(int(rate), float(seconds), float(warm_up_s), int(symbols), int(partitions), workload)
    if role == "generate":
        generate(bootstrap, topic, load, Path(sent))
    else:
        listen(bootstrap, topic, load, Path(sent), Path(*out))


if __name__ == "__main__":
    main()
