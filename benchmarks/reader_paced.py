"""The AI engine's reader beside a topic that goes on at a given pace: does it keep up, with what share of a core, how fresh?

A producer in a process of its own copies records that lie in one topic into another one, so many a second, stamped as they
are written. The reader follows; every 50 ms it is asked how old the newest record of each instrument is.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import Final, NamedTuple

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumers.features import FeatureReader

_BATCH: Final = 2_000
_LOOK_S: Final = 0.05
_TICK_S: Final = 0.002
_CATCH_UP_S: Final = 30.0


class Run(NamedTuple):
    """From which topic to which, how much, and how much a second."""

    bootstrap: str
    source: str
    topic: str
    partitions: int
    records: int
    rate: int


class Paced(NamedTuple):
    """What a paced run showed.

    ``per_second`` is what the producer reached, ``share`` of a core what the reader took; ``behind`` the records it had still
    to take when the last one was acknowledged, ``caught_up_s`` the time it then needed; ages (ms) are of newest records.
    """

    per_second: float
    share: float
    behind: float
    caught_up_s: float
    age_p50_ms: float
    age_p99_ms: float


def paced(run: Run) -> Paced:
    """Follow the topic in this process while another one copies records into it."""
    admin = AdminClient({"bootstrap.servers": run.bootstrap})
    admin.create_topics([NewTopic(run.topic, run.partitions, 1)])[run.topic].result(30)
    with FeatureReader(run.bootstrap, run.topic) as reader:
        ages: list[float] = []
        before = resource.getrusage(resource.RUSAGE_SELF)
        command = [sys.executable, "-m", "benchmarks.reader_paced", *map(str, run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as producer:
            while producer.poll() is None:
                time.sleep(_LOOK_S)
                ages += _ages_ms(reader)
            behind = run.records - _taken(reader)
            took_s = float(producer.communicate()[0])
        after = resource.getrusage(resource.RUSAGE_SELF)
        end = time.monotonic()
        while (left := run.records - _taken(reader)) and time.monotonic() - end < _CATCH_UP_S:
            time.sleep(_TICK_S)
        if left:
            raise RuntimeError(f"expected {run.records} records, {left} did not come; breaks: {reader.breaks()[:3]}")
        caught_up_s = time.monotonic() - end
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    p50, p99 = np.percentile(ages, (50, 99)).tolist()
    return Paced(run.records / took_s, cpu_s / took_s, behind, caught_up_s, p50, p99)


def _taken(reader: FeatureReader) -> int:
    return sum(status.records for name in reader.instruments if (status := reader.status(name)) is not None)


def _ages_ms(reader: FeatureReader) -> list[float]:
    return [1000 * status.age_s for name in reader.instruments if (status := reader.status(name)) is not None]


def produce(run: Run) -> float:
    """Copy at a pace; the seconds until the last acknowledgement."""
    servers = {"bootstrap.servers": run.bootstrap}
    consumer = Consumer({**servers, "group.id": "benchmark", "enable.auto.commit": False})
    consumer.assign([TopicPartition(run.source, partition, 0) for partition in range(run.partitions)])
    producer = Producer({**servers, "linger.ms": 2, "queue.buffering.max.messages": 1_000_000})
    waiting = consumer.consume(_BATCH, 10.0)
    start, sent = time.monotonic(), 0
    while sent < run.records:
        due = min(run.records, int((time.monotonic() - start) * run.rate))
        while sent < due:
            now, waiting = waiting[: due - sent], waiting[due - sent :]
            for message in now:
                producer.produce(run.topic, message.value(), message.key(), message.partition() or 0)
            sent += len(now)
            waiting = waiting or consumer.consume(_BATCH, 1.0)
        producer.poll(0)
        time.sleep(_TICK_S)
    if left := producer.flush(60):
        raise RuntimeError(f"expected the records to be written, {left} were not")
    consumer.close()
    return time.monotonic() - start


def main() -> None:
    """The producer: what ``paced`` starts."""
    bootstrap, source, topic, *numbers = sys.argv[1:]
    print(produce(Run(bootstrap, source, topic, *map(int, numbers))))


if __name__ == "__main__":
    main()
