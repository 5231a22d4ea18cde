"""The writer of the raw topic: partitions, order, acknowledgements, what happens when it can't."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from connectors.broker import Broker, DeliveryError, TopicMissingError
from connectors.embedded import PARTITIONS, EmbeddedBroker
from connectors.raw_topic import LIVE, Message, RawTopicWriter, partition_of

START = 1_700_000_000_000_000_000


@given(st.binary(max_size=40), st.integers(1, 64))
def test_the_partition_is_crc_32_of_the_key_for_ever(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == zlib.crc32(key) % partitions


def test_known_instruments_keep_their_partitions() -> None:
    keys = [b"binance-spot:BTCUSDT", b"binance-spot:ETHUSDT", b"binance-usdm:BTCUSDT", b"binance-usdm:ETHUSDT"]

    assert [partition_of(key, 8) for key in keys] == [3, 4, 7, 0]
    assert partition_of(None, 8) == 0


def test_messages_arrive_in_order_in_the_partition_of_their_key(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw")
    key = b"binance-spot:BTCUSDT"
    for number in range(300):
        assert writer.write(Message(START, key, b"%d" % number, [("recv_ns", b"1")])) == partition_of(key, PARTITIONS)
    writer.close()
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "x"})
    consumer.assign([TopicPartition("raw", partition_of(key, PARTITIONS), 0)])
    found: list[Any] = []
    while len(found) < 300 and (batch := consumer.consume(300 - len(found), 10)):
        found += batch
    consumer.close()

    assert writer.acknowledged == 300
    assert [int(message.value() or b"") for message in found] == list(range(300))
    assert found[0].headers() == [("recv_ns", b"1")]


def test_a_missing_topic_is_told_with_the_line_that_makes_it(embedded: EmbeddedBroker) -> None:
    with pytest.raises(TopicMissingError, match="obi topics create"):
        RawTopicWriter(Broker(embedded.bootstrap_servers), "nowhere")


def test_a_message_that_is_too_large_is_a_delivery_error(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw")

    with pytest.raises(DeliveryError, match="raw"):
        writer.write(Message(START, b"v:A", b"x" * 11_000_000, []))


def test_a_full_queue_is_told_and_nothing_is_taken(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw", {**LIVE, "queue.buffering.max.messages": 3})
    taken = [writer.offer(b"v:A", b"%d" % number, []) is not None for number in range(5)]
    writer.close()

    assert taken == [True, True, True, False, False]
    assert writer.acknowledged == 3
    assert writer.waiting == 0
    assert writer.offer(b"v:A", b"5", []) == partition_of(b"v:A", PARTITIONS)
    writer.close()
    assert writer.acknowledged == 4


def test_how_long_acknowledgements_took_is_counted(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw", LIVE)
    for _ in range(10):
        writer.offer(b"v:A", b"x", [])
    writer.close()

    assert sum(writer.latencies) == 10
    assert 0 < writer.latency_s < 10 * 30


def test_a_broker_that_went_away_is_an_error_that_counts_what_is_left() -> None:
    with EmbeddedBroker() as embedded:
        embedded.create("raw")
        writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw", LIVE)
    writer.offer(b"v:A", b"x", [])

    with pytest.raises(DeliveryError, match=r"in time, 1 are left, and may be missing in raw"):
        writer.close(1.0)


@pytest.mark.parametrize("lost", [False, True])
def test_a_fatal_error_of_librdkafka_is_a_delivery_error(embedded: EmbeddedBroker, lost: bool) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw", LIVE)

    class Fatal:
        """A producer whose state is beyond repair."""

        def poll(self, _timeout_s: float) -> int:
            raise SystemError("returned a result with an exception set") if lost else KafkaException(KafkaError(-150))

    writer._producer = Fatal()  # type: ignore[assignment]

    with pytest.raises(DeliveryError, match="take a message for raw"):
        writer.serve()
