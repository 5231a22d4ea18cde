"""Messages a second of a process that copies one topic to another: wall time from outside, CPU from the OS.

A contestant is a command line; it is judged by what arrives in its output topic, not by what it says.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Consumer, TopicPartition

_LOOK_SECONDS: Final = 0.02
_LIMIT_SECONDS: Final = 300.0


class Sample(NamedTuple):
    """One run of one contestant.

    ``per_second`` counts from the first record that was seen to the last one (start-up is not speed);
    ``cpu_us`` is user and system time of the whole process, start-up included, per message.
    """

    per_second: float
    cpu_us: float
    start_seconds: float
    peak_rss_mb: float


def run(command: Sequence[str], count: Callable[[], int], messages: int, log: Path) -> Sample:
    """Run ``command`` until ``count()`` records are there; RuntimeError when it ends or takes too long without them."""
    with log.open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)  # our own commands
        first_at, first, last_at = start, 0, 0.0
        while not last_at:
            done = count()
            now = time.monotonic()
            if done and not first:
                first_at, first = now, done
            if done >= messages:
                last_at = now
            elif now - start > _LIMIT_SECONDS or process.poll() is not None:
                process.kill()
                raise RuntimeError(
                    f"expected {messages} records, received {done}; see {log}:\n{log.read_text()[-2000:]}"
                )
            else:
                time.sleep(_LOOK_SECONDS)
        _, _, usage = os.wait4(process.pid, 0)
    return Sample(
        (messages - first) / (last_at - first_at),
        (usage.ru_utime + usage.ru_stime) / messages * 1e6,
        first_at - start,
        usage.ru_maxrss / 1024,
    )


def counter(bootstrap: str, topic: str, partitions: int) -> Callable[[], int]:
    """A function that tells how many messages ``topic`` holds."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmark-count"})
    # A new topic is known to a client a moment later than it is made.
    while len(consumer.list_topics(topic, timeout=10).topics[topic].partitions) < partitions:
        time.sleep(_LOOK_SECONDS)
    parts = [TopicPartition(topic, partition) for partition in range(partitions)]
    return lambda: sum(consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts)
