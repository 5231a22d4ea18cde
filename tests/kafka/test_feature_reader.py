"""The AI engine's reader on a real broker: outages, transactions, new partitions, a topic that is made anew."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from consumers.features import Break, FeatureReader
from tests.consumers.records import FIVE, INSTRUMENT, SYMBOL, made, write
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

AWAY_S = 10.0
MAX_AGE_S = 1.5


def wait_until(what: Callable[[], object], seconds: float = 30.0) -> float:
    """Seconds that it took."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < seconds, f"waited for {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - start


def seq_of(reader: FeatureReader) -> int:
    status = reader.status(SYMBOL)
    return status.seq if status is not None else 0


@pytest.mark.slow
def test_a_broker_that_is_killed_for_ten_seconds(own_kafka: KafkaServer) -> None:
    servers = own_kafka.bootstrap_servers
    topic = Topics(servers).create("metrics", partitions=1)
    write(servers, topic, [made(1)])
    with FeatureReader(servers, topic, MAX_AGE_S) as reader:
        write(servers, topic, [made(2)])
        wait_until(lambda: seq_of(reader) == 2)
        assert reader.features(SYMBOL) == FIVE

        own_kafka.kill()
        gone_s = wait_until(lambda: reader.features(SYMBOL) is None)
        assert gone_s < MAX_AGE_S + 0.2
        wait_until(lambda: "no broker answers" in str(reader.why_missing(SYMBOL)))
        assert "1.5 s are allowed" in str(reader.why_missing(SYMBOL))
        time.sleep(AWAY_S - gone_s)
        own_kafka.restart()
        write(servers, topic, [made(3), made(4)])

        wait_until(lambda: seq_of(reader) == 4, 10)
        write(servers, topic, [made(5)])
        wait_until(lambda: seq_of(reader) == 5)
        assert reader.features(SYMBOL) == FIVE
        assert reader.why_missing(SYMBOL) is None
        assert reader.breaks() == []
        assert [record.seq for record in reader.history(SYMBOL)] == [1, 2, 3, 4, 5]


def test_records_of_a_transaction_are_read_when_it_is_committed(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics", partitions=1)
    job = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": f"test-{topic}"})
    job.init_transactions(30)

    def produce(seq: int, *, commit: bool) -> None:
        job.begin_transaction()
        job.produce(topic, orjson.dumps(made(seq)), partition=0)
        assert job.flush(10) == 0
        if commit:
            job.commit_transaction(30)
        else:
            job.abort_transaction(30)

    produce(1, commit=True)
    produce(2, commit=False)
    produce(2, commit=True)
    with FeatureReader(kafka.bootstrap_servers, topic, 60.0) as reader:
        wait_until(lambda: seq_of(reader) == 2)
        job.begin_transaction()
        job.produce(topic, orjson.dumps(made(3)), partition=0)
        assert job.flush(10) == 0
        time.sleep(0.5)
        assert seq_of(reader) == 2
        job.commit_transaction(30)
        wait_until(lambda: seq_of(reader) == 3)

        assert reader.breaks() == []
        assert [record.seq for record in reader.history(SYMBOL)] == [1, 2, 3]


def test_partitions_that_are_added_are_followed(kafka: Kafka, topics: Topics) -> None:
    servers = kafka.bootstrap_servers
    topic = topics.create("metrics", partitions=1)
    with FeatureReader(servers, topic, 60.0) as reader:
        admin = AdminClient({"bootstrap.servers": servers})
        admin.create_partitions([NewPartitions(topic, 2)])[topic].result(30)
        wait_until(lambda: len(admin.list_topics(topic).topics[topic].partitions) == 2)
        write(servers, topic, [made(1)], partition=1)
        wait_until(lambda: reader.features(SYMBOL) == FIVE)
        write(servers, topic, [made(1, symbol="ETHUSDT")], partition=0)
        wait_until(lambda: reader.features("ETHUSDT") == FIVE)


@pytest.mark.slow
def test_a_topic_that_is_deleted_is_told_and_followed_when_it_is_back(kafka: Kafka, topics: Topics) -> None:
    servers = kafka.bootstrap_servers
    topic = topics.create("metrics", partitions=1)
    write(servers, topic, [made(1), made(2)])
    with FeatureReader(servers, topic, 0.5) as reader:
        wait_until(lambda: seq_of(reader) == 2)
        admin = AdminClient({"bootstrap.servers": servers})
        admin.delete_topics([topic])[topic].result(30)
        wait_until(lambda: f"topic {topic}" in str(reader.why_missing(SYMBOL)))

        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])[topic].result(30)
        wait_until(lambda: len(admin.list_topics(topic).topics[topic].partitions) == 1)
        write(servers, topic, [made(1, offset=0, received_ns=10**12)])
        wait_until(lambda: seq_of(reader) == 1)
        wait_until(lambda: reader._follower.trouble is None)

        assert reader.breaks() == [Break(INSTRUMENT, 2, 1, 0)]
