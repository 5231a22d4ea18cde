"""Partitions that somebody adds to the raw topic while it is read: noticed, told once, and counted for alerts.

Owns the words about it. A shard's partitions are fixed from its start to its end, since its recovery state is; what was
added is taken by the next start, from its first message on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException

from connectors.broker import Broker
from connectors.topics import TopicNames
from dataflows.monitor import Monitor
from dataflows.shards import Shard

_LOOK_S: Final = 1.0
"""How long one look may take: the end of the job waits for it."""


class Growth:
    """Compares the topic with what it was.

    Args:
        names: of the topics.
        partitions: of the raw topic when reading began.
        shard: whose partitions matter; what is added to another shard is for that one to tell.
        monitor: told how many partitions are not read.
    """

    def __init__(self, names: TopicNames, partitions: int, shard: Shard, monitor: Monitor) -> None:
        self._names = names
        self._read = partitions
        self._seen = partitions
        self._shard = shard
        self._monitor = monitor

    def look(self, client: Consumer) -> None:
        """Ask for the number of partitions, and warn when it is larger than before.

        Raises:
            KafkaException: no answer.
        """
        now = _partitions(client, self._names.raw)
        if now <= self._seen:
            return
        self._seen = now
        unread = len(self._shard.partitions(now)) - len(self._shard.partitions(self._read))
        self._monitor.unread(unread)
        if unread:
            lower = [name for name in self._names[1:] if 0 < _partitions(client, name) < now]
            structlog.get_logger("obi").warning(
                f"topic {self._names.raw} has {now} partitions now, {self._read} are read; {_way_on(lower, now)}",
                shard=str(self._shard),
                unread=unread,
            )


@contextmanager
def growth_watched(
    broker: Broker,
    names: TopicNames,
    partitions: int,
    *,
    shard: Shard,
    monitor: Monitor,
    interval_s: float = 30.0,
) -> Iterator[None]:
    """Look every ``interval_s`` seconds meanwhile whether the raw topic has more than ``partitions`` partitions."""
    growth = Growth(names, partitions, shard, monitor)
    over = threading.Event()

    def watch() -> None:
        # A consumer, because it makes no topic by asking for one, as a producer and the admin client may.
        client = Consumer(broker.config({}, {"group.id": "obi"}))
        while not over.wait(interval_s):
            with suppress(KafkaException):  # who reads and writes says that the broker is away
                growth.look(client)
        client.close()

    watcher = threading.Thread(target=watch, name="growth", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _partitions(client: Consumer, topic: str) -> int:
    """Their number; 0 for a topic that is not there."""
    return len(client.list_topics(topic, timeout=_LOOK_S).topics[topic].partitions)


def _way_on(lower: list[str], partitions: int) -> str:
    if not lower:
        return "restart to take the new ones"
    head = "to take the new ones raise the other topics as well, then restart (until then, a restart is refused):"
    return "\n".join([head, *(f"    kafka-topics.sh --alter --topic {n} --partitions {partitions}" for n in lower)])
