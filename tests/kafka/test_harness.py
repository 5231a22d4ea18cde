"""The broker harness itself: it answers, keeps data over a kill, freezes, and leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

if TYPE_CHECKING:
    from tests.kafka_fixtures import Kafka


def send(servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def read(servers: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


def test_what_was_sent_comes_back_from_a_topic_with_the_asked_partitions(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("smoke", partitions=3, config={"message.timestamp.type": "LogAppendTime"})
    send(kafka.bootstrap_servers, topic, [b"one", b"two"])

    assert read(kafka.bootstrap_servers, topic, 2) == [b"one", b"two"]
    assert (
        len(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(topic).topics[topic].partitions)
        == 3
    )


def test_topics_are_gone_after_the_test_that_made_them(kafka: Kafka) -> None:
    topics = Topics(kafka.bootstrap_servers)
    name = topics.create()
    topics.adopt("never.made")
    topics.delete()

    assert name not in AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=10).topics


@pytest.mark.slow
def test_a_killed_broker_comes_back_with_its_data_and_a_frozen_one_answers_again(own_kafka: KafkaServer) -> None:
    address = own_kafka.bootstrap_servers
    topic = Topics(address).create("kept", partitions=1)
    send(address, topic, [b"before"])
    own_kafka.kill()
    own_kafka.restart()
    send(address, topic, [b"after"])

    assert own_kafka.bootstrap_servers == address
    assert read(address, topic, 2) == [b"before", b"after"]

    own_kafka.pause()
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=1)
    own_kafka.resume()
    assert read(address, topic, 2) == [b"before", b"after"]


@pytest.mark.slow
def test_a_closed_broker_leaves_no_process_and_no_data(kafka: Kafka) -> None:
    with KafkaServer() as server:
        pid, home = server.pid, server._home
        assert home is not None
        assert home.exists()

    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
