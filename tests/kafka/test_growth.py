"""Partitions that are added to the raw topic while it is read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions  # .admin re-exports it, but type checkers are not told
from structlog.testing import capture_logs

from connectors.broker import Broker
from connectors.topics import TopicNames
from dataflows.counts import Counts
from dataflows.growth import Growth, growth_watched
from dataflows.monitor import Monitor
from dataflows.shards import Shard
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics

MISSING = "checkpoints.that.are.not.there"


@pytest.fixture
def names(topics: Topics) -> TopicNames:
    raw, metrics, faults = (topics.create(kind, partitions=2) for kind in ("raw", "metrics", "faults"))
    return TopicNames(raw, metrics, faults, MISSING)


@pytest.fixture
def client(kafka: Kafka) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "x"})
    yield consumer
    consumer.close()


def grow(kafka: Kafka, client: Consumer, *topics: str, to: int) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.create_partitions([NewPartitions(topic, to) for topic in topics]).values():
        future.result(30)
    deadline = time.monotonic() + 30
    while any(len(client.list_topics(topic, timeout=10).topics[topic].partitions) < to for topic in topics):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def unread(monitor: Monitor) -> float | None:
    return monitor.registry.get_sample_value("obi_partitions_unread")


def test_growth_is_warned_of_once_with_the_topics_to_raise_first(
    kafka: Kafka, names: TopicNames, client: Consumer
) -> None:
    broker, monitor = Broker(kafka.bootstrap_servers), Monitor(Counts())
    with (
        capture_logs() as logs,
        growth_watched(broker, names, 2, shard=Shard(), monitor=monitor, interval_s=0.02),
    ):
        assert unread(monitor) == 0
        grow(kafka, client, names.raw, to=5)
        deadline = time.monotonic() + 30
        while not logs:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.2)  # ten more looks
    (told,) = logs

    assert told["log_level"] == "warning"
    head, *lines = told["event"].splitlines()
    assert head.startswith(f"topic {names.raw} has 5 partitions now, 2 are read; to take the new ones raise the other")
    assert lines == [
        f"    kafka-topics.sh --alter --topic {names.metrics} --partitions 5",
        f"    kafka-topics.sh --alter --topic {names.faults} --partitions 5",
    ]
    assert unread(monitor) == 3
    assert MISSING not in client.list_topics(timeout=10).topics


def test_each_shard_tells_of_its_own_and_grown_outputs_need_a_restart_only(
    kafka: Kafka, names: TopicNames, client: Consumer
) -> None:
    shards = [Shard(index, 3) for index in range(3)]
    monitors = [Monitor(Counts()) for _ in shards]
    growths = [Growth(names, 2, shard, monitor) for shard, monitor in zip(shards, monitors, strict=True)]
    grow(kafka, client, *names[:3], to=4)
    with capture_logs() as logs:
        for growth in growths:
            growth.look(client)
            growth.look(client)

    assert [(log["shard"], log["unread"]) for log in logs] == [("0/3", 1), ("2/3", 1)]
    assert {log["event"] for log in logs} == {
        f"topic {names.raw} has 4 partitions now, 2 are read; restart to take the new ones"
    }
    assert list(map(unread, monitors)) == [1, 0, 1]
