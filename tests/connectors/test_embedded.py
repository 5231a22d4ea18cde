"""The embedded broker: it carries messages, knows its topics before they are used, and ends when it is closed."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.embedded import PARTITIONS, EmbeddedBroker


def test_what_was_sent_comes_back(embedded: EmbeddedBroker) -> None:
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    producer.produce("raw", b"value", b"key", partition=1, timestamp=1_700_000_000_000, headers={"stream": b"x"})
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "unused"})
    consumer.assign([TopicPartition("raw", 1, 0)])
    (message,) = consumer.consume(1, timeout=10)
    consumer.close()

    assert (message.key(), message.value(), message.headers()) == (b"key", b"value", [("stream", b"x")])
    assert message.timestamp()[1] == 1_700_000_000_000


def test_a_created_topic_has_its_partitions_before_the_first_message(embedded: EmbeddedBroker) -> None:
    embedded.create("raw", "metrics")
    seen = AdminClient({"bootstrap.servers": embedded.bootstrap_servers}).list_topics(timeout=10).topics

    assert {name: len(topic.partitions) for name, topic in seen.items()} == {"raw": PARTITIONS, "metrics": PARTITIONS}


def test_a_closed_broker_answers_no_more_and_may_be_closed_again() -> None:
    broker = EmbeddedBroker()
    broker.close()
    broker.close()

    with pytest.raises(RuntimeError, match="closed"):
        broker.create("raw")
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0}).list_topics(timeout=0.5)
