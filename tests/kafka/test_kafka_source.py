"""The source on a real broker: offsets that retention took, control records, topics that vanish, a broker that restarts."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.broker import Broker, OffsetsLostError, TopicMissingError
from connectors.kafka_source import KafkaSource, KafkaSourcePart
from connectors.position import Position
from connectors.raw import RawBatch
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics


def send(servers: str, topic: str, first: int, end: int, partitions: int = 1, **config: str) -> None:
    producer = Producer({"bootstrap.servers": servers, **{k.replace("_", "."): v for k, v in config.items()}})
    transactional = "transactional_id" in config
    if transactional:
        producer.init_transactions(30)
        producer.begin_transaction()
    for i in range(first, end):
        producer.produce(topic, b"%d" % i, partition=i % partitions)
    assert producer.flush(30) == 0
    if transactional:
        producer.commit_transaction(30)


def part_of(
    servers: str, topic: str, resume: Position | None = None, *, partitions: int = 1, until_end: bool = True
) -> KafkaSourcePart:
    source = KafkaSource(Broker(servers), topic, {"all": range(partitions)}, until_end=until_end)
    return source.build_part("raw", "all", resume)


def drain(part: KafkaSourcePart, want: int | None = None, seconds: float = 30.0) -> list[int]:
    read: list[RawBatch] = []
    deadline = time.monotonic() + seconds
    with suppress(StopIteration):
        while want is None or sum(map(len, read)) < want:
            read += part.next_batch()
            if time.monotonic() > deadline:
                assert want is not None, "it should have ended"
                break
    return sorted(int(v) for batch in read for v in batch.values if v is not None)


def delete_before(servers: str, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        future.result(30)


def test_until_end_and_resume_over_several_partitions(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=3)
    send(kafka.bootstrap_servers, topic, 0, 100, partitions=2)
    first = part_of(kafka.bootstrap_servers, topic, partitions=3)
    send(kafka.bootstrap_servers, topic, 100, 150, partitions=2)
    assert drain(first) == list(range(100))
    position = first.snapshot()
    first.close()
    assert position == ((0, 50), (1, 50), (2, 0))
    second = part_of(kafka.bootstrap_servers, topic, position, partitions=3)
    assert drain(second) == list(range(100, 150))
    second.close()


def test_messages_that_are_larger_than_what_is_asked_for_at_once_are_read(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=3, config={"max.message.bytes": "4000000"})
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.max.bytes": 4_000_000})
    for number in range(9):
        producer.produce(topic, b"0" * (3_000_000 + number) + b"%d" % number, partition=number % 3)
    assert producer.flush(30) == 0
    part = part_of(kafka.bootstrap_servers, topic, partitions=3)
    read: list[RawBatch] = []
    with suppress(StopIteration):
        while True:
            read += part.next_batch()
    part.close()
    sizes = sorted(len(value) for batch in read for value in batch.values if value is not None)
    assert sizes == [3_000_001 + number for number in range(9)]


def test_control_records_at_the_end_do_not_hang_it(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=1)
    send(kafka.bootstrap_servers, topic, 0, 5, transactional_id="test-control-records")
    broker = Broker(kafka.bootstrap_servers)
    while broker.offsets(topic, (0,))[0][1] < 6:  # the commit marker has an offset too, and comes a moment later
        time.sleep(0.01)
    part = part_of(kafka.bootstrap_servers, topic)
    assert drain(part) == [0, 1, 2, 3, 4]
    assert part.snapshot() == ((0, 6),)
    part.close()
    again = part_of(kafka.bootstrap_servers, topic, ((0, 5),))
    assert drain(again) == []
    again.close()


def test_offsets_that_retention_took_are_an_error_at_start(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=1)
    send(kafka.bootstrap_servers, topic, 0, 20)
    delete_before(kafka.bootstrap_servers, topic, 12)
    with pytest.raises(
        OffsetsLostError, match="expected to read on at offset 3, received: the earliest is 12, 9 messages"
    ):
        part_of(kafka.bootstrap_servers, topic, ((0, 3),))
    with pytest.raises(OffsetsLostError, match="expected to read on at offset 30, received: the end is 20"):
        part_of(kafka.bootstrap_servers, topic, ((0, 30),))
    fresh = part_of(kafka.bootstrap_servers, topic)
    assert drain(fresh) == list(range(12, 20))
    fresh.close()


def vanish(servers: str, topic: str, part: KafkaSourcePart) -> None:
    """Delete what comes next under the reader's feet."""
    part._consumer.pause([TopicPartition(topic, 0)])
    delete_before(servers, topic, 12)
    part._consumer.seek(TopicPartition(topic, 0, 3))
    part._consumer.resume([TopicPartition(topic, 0)])


def test_offsets_that_vanish_while_it_reads_are_an_error_too(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=1)
    send(kafka.bootstrap_servers, topic, 0, 20)
    part = part_of(kafka.bootstrap_servers, topic, ((0, 3),), until_end=False)
    vanish(kafka.bootstrap_servers, topic, part)
    with pytest.raises(OffsetsLostError, match=r"offset 3, received: the earliest is 12, 9 messages"):
        drain(part, 100, 20.0)
    part.close()


def test_offsets_that_vanish_while_it_reads_can_be_accepted(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=1)
    send(kafka.bootstrap_servers, topic, 0, 20)
    source = KafkaSource(Broker(kafka.bootstrap_servers), topic, {"all": (0,)}, accept_loss=True)
    part = source.build_part("raw", "all", ((0, 3),))
    vanish(kafka.bootstrap_servers, topic, part)
    read: list[RawBatch] = []
    deadline = time.monotonic() + 20
    while sum(map(len, read)) < 8 and time.monotonic() < deadline:
        read += part.next_batch()
    assert [int(v) for batch in read for v in batch.values if v is not None] == list(range(12, 20))
    (fault,) = [fault for batch in read for fault in batch.lost]
    assert (fault.reason, fault.partition, fault.offset) == ("offsets_lost", 0, 3)
    assert "the earliest is 12, 9 messages are lost" in fault.detail
    part.close()


def test_a_topic_that_is_deleted_ends_the_run(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("raw", partitions=1)
    part = part_of(kafka.bootstrap_servers, topic, until_end=False)
    assert drain(part, 1, 0.5) == []
    topics.delete()
    part._look_due = 0.0
    with pytest.raises(TopicMissingError):
        drain(part, 1, 60.0)
    part.close()


@pytest.mark.slow
def test_a_broker_that_comes_back_is_read_on(own_kafka: KafkaServer) -> None:
    servers = own_kafka.bootstrap_servers
    topic = Topics(servers).create("raw", partitions=1)
    send(servers, topic, 0, 10)
    part = part_of(servers, topic, until_end=False)
    assert drain(part, 10) == list(range(10))
    own_kafka.kill()
    assert drain(part, 1, 2.0) == []
    own_kafka.restart()
    send(servers, topic, 10, 20)
    assert drain(part, 10) == list(range(10, 20))
    part.close()
