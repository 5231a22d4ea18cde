"""A stretch of a partition on a real broker: whole, whatever lies in it, and loud when something is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Message, Producer, TopicPartition

from connectors import stretch
from connectors.broker import Broker, BrokerError, OffsetsLostError
from connectors.polled import raw_batch
from connectors.stretch import StretchReader, flat
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


@pytest.fixture
def broker(kafka: Kafka) -> Broker:
    return Broker(kafka.bootstrap_servers)


@pytest.fixture
def topic(topics: Topics) -> str:
    return topics.create("stretch", partitions=2, config={"message.timestamp.type": "CreateTime"})


@pytest.fixture
def reader(broker: Broker, topic: str) -> Iterator[StretchReader]:
    with closing(StretchReader(broker, topic, 1)) as made:
        yield made


def send(broker: Broker, topic: str, begin: int, end: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    now = int(time.time() * 1000)
    for number in range(begin, end):
        producer.produce(topic, b"%d" % number, None, 1, None, None, now + 10 * number, [("h", b"x")])
    assert producer.flush(10) == 0


def transaction(broker: Broker, topic: str, count: int, *, commit: bool) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(topic, b"t", None, 1)
    producer.flush(10)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)


def until_settled(reader: StretchReader, end: int) -> None:
    """A broker answers that a transaction is over before it has written the marker that says so."""
    deadline = time.monotonic() + 20
    while reader.offsets()[1] != end and time.monotonic() < deadline:
        time.sleep(0.02)
    assert reader.offsets()[1] == end


def delete(broker: Broker, topic: str, before: int) -> None:
    admin = broker.admin()
    for future in admin.delete_records([TopicPartition(topic, 1, before)]).values():
        future.result(30)


def values(messages: Iterator[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def test_any_stretch_is_read_in_order_and_ends_at_its_end(broker: Broker, topic: str, reader: StretchReader) -> None:
    send(broker, topic, 0, 500)

    assert reader.offsets() == (0, 500)
    for begin, end, most in ((0, 500, 7), (0, 500, 2000), (120, 121, 1), (499, 500, 10), (100, 400, 64)):
        lists = list(reader.read(begin, end, most))
        assert max(map(len, lists)) <= most
        assert values(flat(lists)) == [b"%d" % number for number in range(begin, end)]
    assert list(reader.read(7, 7)) == list(reader.read(8, 7)) == []


def test_a_stretch_that_was_left_in_the_middle_does_not_show_in_the_next(
    broker: Broker, topic: str, reader: StretchReader
) -> None:
    send(broker, topic, 0, 100)
    for begin in (90, 10, 50):
        assert values(flat([next(reader.read(begin, 100, 1))])) == [b"%d" % begin]
    assert len(list(flat(reader.read(0, 100)))) == 100


def test_columns_hold_what_the_messages_do(broker: Broker, topic: str, reader: StretchReader) -> None:
    send(broker, topic, 0, 3)
    raw = raw_batch(topic, list(flat(reader.read(1, 3))))

    assert (raw.topic, raw.partitions, raw.offsets, raw.values) == (topic, [1, 1], [1, 2], [b"1", b"2"])
    assert raw.timestamps_ms[1] - raw.timestamps_ms[0] == 10
    assert raw.headers == [[("h", b"x")], [("h", b"x")]]
    assert raw.keys == [None, None]


def test_what_was_taken_back_is_not_read_and_nothing_waits_for_it(
    broker: Broker, topic: str, reader: StretchReader
) -> None:
    send(broker, topic, 0, 3)
    transaction(broker, topic, 2, commit=True)
    transaction(broker, topic, 2, commit=False)
    end = 9  # two messages and a marker each
    until_settled(reader, end)
    begun = time.monotonic()

    assert values(flat(reader.read(0, end))) == [b"0", b"1", b"2", b"t", b"t"]
    assert values(flat(reader.read(5, end))) == []
    assert time.monotonic() - begun < 10


def test_what_is_gone_is_an_error_with_what_is_there(broker: Broker, topic: str, reader: StretchReader) -> None:
    send(broker, topic, 0, 10)
    delete(broker, topic, 4)

    assert reader.offsets() == (4, 10)
    with pytest.raises(
        OffsetsLostError, match=r"expected offset 2 of partition 1 of topic .*: the first is 4 and the end 10"
    ):
        list(reader.read(2, 8))


def test_a_time_finds_the_first_message_of_it_or_later(broker: Broker, topic: str, reader: StretchReader) -> None:
    send(broker, topic, 0, 5)
    times = raw_batch(topic, list(flat(reader.read(0, 5)))).timestamps_ms

    assert [reader.offset_at(time_ms) for time_ms in times] == [0, 1, 2, 3, 4]
    assert reader.offset_at(times[2] - 1) == 2
    assert reader.offset_at(0) == 0
    assert reader.offset_at(times[4] + 1) is None


def test_a_partition_that_is_not_there_is_an_error(broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "REQUEST_S", 2.0)
    with closing(StretchReader(broker, topic, 5)) as reader:
        with pytest.raises(BrokerError, match=f"expected the offsets of partition 5 of topic {topic}"):
            reader.offsets()
        with pytest.raises(BrokerError, match=f"partition 5 of topic {topic}"):
            list(reader.read(0, 1))
