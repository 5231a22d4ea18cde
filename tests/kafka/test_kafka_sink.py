"""The sink on a real broker: acknowledged, whole after a broker's restart, and loud when the broker refuses."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from connectors.broker import Broker, DeliveryError
from connectors.kafka_sink import KafkaSink, KafkaSinkPart
from connectors.outgoing import OutBatch
from connectors.shrink_fault import shrink_fault
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics


def read(servers: str, topic: str, partition: int, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "x", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0)])
    try:
        return consumer.consume(count, timeout=30)
    finally:
        consumer.close()


def plain(partition: int, first: int, count: int, size: int = 0) -> OutBatch:
    numbers = range(first, first + count)
    values: list[bytes | None] = [b"%d" % i + b" " * size for i in numbers]
    return OutBatch(partition, [b"k"] * count, values, [now_ms()] * count)


def now_ms() -> int:
    """Not any number: what is older than the retention may be deleted while the test looks."""
    return int(time.time() * 1000)


def part_of(sink: KafkaSink, partition: int) -> KafkaSinkPart:
    part = sink.build_part("metrics", f"{partition:05d}", None)
    assert isinstance(part, KafkaSinkPart)
    return part


def test_a_snapshot_is_taken_when_everything_is_acknowledged(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics", partitions=3)
    broker = Broker(kafka.bootstrap_servers)
    sink = KafkaSink(broker, topic, range(3))
    first, last = part_of(sink, 0), part_of(sink, 2)
    first.write_batch([plain(0, 0, 500), plain(0, 500, 500)])
    last.write_batch([plain(2, 0, 7)])
    assert (first.snapshot(), last.snapshot()) == (1000, 7)
    assert broker.offsets(topic, (0, 1, 2)) == {0: (0, 1000), 1: (0, 0), 2: (0, 7)}
    first.close()
    last.close()
    assert [int(m.value() or b"") for m in read(kafka.bootstrap_servers, topic, 0, 1000)] == list(range(1000))


def test_a_record_that_the_topic_refuses_stops_the_job_with_nothing_after_it(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics", partitions=1, config={"max.message.bytes": "2000"})
    part = part_of(KafkaSink(Broker(kafka.bootstrap_servers, {"batch.size": "1500"}), topic, range(1)), 0)
    batch = plain(0, 0, 30)
    batch.values[10] = random.Random(1).randbytes(3000)  # nothing that compression makes smaller
    part.write_batch([batch])
    with pytest.raises(DeliveryError, match=f"{topic}.* Message size too large"):
        part.snapshot()
    part.close()
    end = Broker(kafka.bootstrap_servers).offsets(topic, (0,))[0][1]
    assert end <= 10
    assert [int(m.value() or b"") for m in read(kafka.bootstrap_servers, topic, 0, end)] == list(range(end))


def test_a_fault_that_the_topic_refuses_goes_without_its_value(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("faults", partitions=1, config={"max.message.bytes": "2000"})
    broker = Broker(kafka.bootstrap_servers, {"batch.size": "1500"})
    part = part_of(KafkaSink(broker, topic, range(1), shrink=shrink_fault), 0)
    values: list[bytes | None] = [b"small", b"x" * 3000, b"also small"]
    part.write_batch([OutBatch(0, [b"a", b"b", b"c"], values, [now_ms()] * 3, [[("obi.reason", b"oversize")]] * 3)])
    assert part.snapshot() == 3
    part.close()
    found = {m.key(): (m.value(), m.headers()) for m in read(kafka.bootstrap_servers, topic, 0, 3)}
    assert found[b"a"] == (b"small", [("obi.reason", b"oversize")])
    assert found[b"b"] == (b"", [("obi.reason", b"oversize"), ("obi.value_omitted", b"3000")])
    assert found[b"c"] == (b"also small", [("obi.reason", b"oversize")])


def test_five_megabytes_arrive_where_the_topic_allows_them(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("faults", partitions=1, config={"max.message.bytes": "10565536"})
    part = part_of(KafkaSink(Broker(kafka.bootstrap_servers), topic, range(1), shrink=shrink_fault), 0)
    part.write_batch([OutBatch(0, [b"k"], [b"x" * 5_000_000], [now_ms()], [[("obi.reason", b"oversize")]])])
    assert part.snapshot() == 1
    part.close()
    (message,) = read(kafka.bootstrap_servers, topic, 0, 1)
    assert len(message.value() or b"") == 5_000_000


def test_a_topic_that_is_deleted_stops_the_job(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics", partitions=1)
    keys = {"topic.metadata.refresh.interval.ms": "500", "topic.metadata.propagation.max.ms": "1000"}
    part = part_of(KafkaSink(Broker(kafka.bootstrap_servers, keys), topic, range(1), wait_s=40.0), 0)
    part.write_batch([plain(0, 0, 1)])
    part.snapshot()
    topics.delete()
    part.write_batch([plain(0, 1, 1)])
    with pytest.raises(DeliveryError, match=r"nknown topic|nknown partition"):
        part.snapshot()
    part.close()


@pytest.mark.slow
def test_a_broker_that_dies_and_comes_back_gets_everything_once(own_kafka: KafkaServer) -> None:
    servers = own_kafka.bootstrap_servers
    topic = Topics(servers).create("metrics", partitions=1)
    part = part_of(KafkaSink(Broker(servers), topic, range(1)), 0)
    part.write_batch([plain(0, 0, 1000)])
    part.snapshot()
    own_kafka.kill()
    part.write_batch([plain(0, 1000, 1000)])
    # Not the other way round: the broker would end with the thread that started it.
    with ThreadPoolExecutor(1) as waiting:
        acknowledged = waiting.submit(part.snapshot)
        time.sleep(3.0)
        assert not acknowledged.done()
        own_kafka.restart()
        assert acknowledged.result(60) == 2000
    part.close()
    assert [int(m.value() or b"") for m in read(servers, topic, 0, 2000)] == list(range(2000))
