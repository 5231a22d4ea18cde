from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from connectors.broker import Broker, DeliveryError
from connectors.embedded import EmbeddedBroker
from connectors.kafka_sink import KafkaSink, KafkaSinkPart
from connectors.outgoing import OutBatch
from connectors.shrink_fault import shrink_fault

TOPIC = "depth.metrics"


def read(servers: str, partition: int, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "x", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, partition, 0)])
    try:
        return consumer.consume(count, timeout=20)
    finally:
        consumer.close()


def part_of(sink: KafkaSink, partition: int, resume: int | None = None) -> KafkaSinkPart:
    part = sink.build_part("metrics", f"{partition:05d}", resume)
    assert isinstance(part, KafkaSinkPart)
    return part


def plain(partition: int, first: int, count: int) -> OutBatch:
    numbers = range(first, first + count)
    return OutBatch(
        partition, [b"k%d" % i for i in numbers], [b"v%d" % i for i in numbers], [5000 + i for i in numbers], None
    )


def test_messages_go_to_their_partition_with_key_and_time_in_their_order(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4))
    third = part_of(sink, 3)
    third.write_batch([plain(3, 0, 2), plain(3, 2, 3)])
    assert third.snapshot() == 5
    third.close()
    messages = read(embedded.bootstrap_servers, 3, 5)
    assert [m.value() for m in messages] == [b"v0", b"v1", b"v2", b"v3", b"v4"]
    assert [m.key() for m in messages] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert [m.timestamp()[1] for m in messages] == [5000, 5001, 5002, 5003, 5004]


def test_headers_missing_keys_and_missing_values_arrive_as_they_are(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    part = part_of(KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4), shrink=shrink_fault), 0)
    part.write_batch([OutBatch(0, [None, b"k"], [b"", None], [1, 2], [[("a", b"1"), ("a", b"2")], []])])
    assert part.snapshot() == 2
    part.close()
    first, second = read(embedded.bootstrap_servers, 0, 2)
    assert (first.key(), first.value(), first.headers()) == (None, b"", [("a", b"1"), ("a", b"2")])
    assert (second.key(), second.value(), second.headers()) == (b"k", None, None)


def test_part_names_sort_as_numbers_and_keys_name_parts() -> None:
    sink = KafkaSink(Broker("nowhere:1"), TOPIC, range(12))
    names = sink.list_parts()
    assert names == sorted(names)
    assert [names[sink.part_fn(name)] for name in names] == names


def test_the_parts_of_a_process_share_one_producer(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4))
    assert part_of(sink, 0)._outlet is part_of(sink, 1)._outlet


def test_what_was_known_of_a_partition_stays_known_until_it_is_written(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4))
    assert part_of(sink, 0, 17).snapshot() == 17
    assert part_of(sink, 1).snapshot() == 0


def test_a_batch_of_another_partition_is_a_bug() -> None:
    with pytest.raises(ValueError, match="expected messages for partition 0, received 1"):
        part_of(KafkaSink(Broker("nowhere:1"), TOPIC, range(4)), 0).write_batch([plain(1, 0, 1)])


def test_a_full_queue_is_waited_for(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers, {"queue.buffering.max.messages": "7"}), TOPIC, range(4))
    part = part_of(sink, 0)
    part.write_batch([plain(0, 0, 100)])
    assert part.snapshot() == 100
    part.close()
    assert [m.value() for m in read(embedded.bootstrap_servers, 0, 100)] == [b"v%d" % i for i in range(100)]


def test_waiting_for_a_broker_that_is_away_ends_in_an_error() -> None:
    sink = KafkaSink(Broker("127.0.0.1:1", {"log_level": "0"}), TOPIC, range(4), wait_s=0.6)
    part = part_of(sink, 0)
    part.write_batch([plain(0, 0, 3)])
    with pytest.raises(DeliveryError, match=r"within 0\.6 s, but 3 messages for depth\.metrics are not acknowledged"):
        part.snapshot()
    with pytest.raises(DeliveryError, match="nothing is lost"):
        part.write_batch([plain(0, 3, 1)])
    start = time.monotonic()
    part.close()
    assert time.monotonic() - start < 3.0


def test_a_full_queue_of_a_broker_that_is_away_ends_in_an_error() -> None:
    broker = Broker("127.0.0.1:1", {"log_level": "0", "queue.buffering.max.messages": "2"})
    part = part_of(KafkaSink(broker, TOPIC, range(4), wait_s=0.3), 0)
    with pytest.raises(DeliveryError, match=r"the queue for depth\.metrics is full"):
        part.write_batch([plain(0, 0, 5)])
    part.close()


def test_a_request_to_stop_cuts_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.terms.STOP_WAIT_S", 0.2)
    stop = threading.Event()
    part = part_of(KafkaSink(Broker("127.0.0.1:1", {"log_level": "0"}), TOPIC, range(4), stop=stop), 0)
    part.write_batch([plain(0, 0, 1)])
    stop.set()
    with pytest.raises(DeliveryError, match=r"within 0\.2 s"):
        part.snapshot()
    part.close()


def test_the_first_failure_counts_and_nothing_is_sent_after_it(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    part = part_of(KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4)), 0)
    part._outlet._refused(2, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    part._outlet._refused(3, KafkaError(KafkaError.INVALID_MSG))
    with pytest.raises(
        DeliveryError, match=r"expected partition 2 of topic depth\.metrics.*Topic authorization failed"
    ):
        part.write_batch([plain(0, 0, 1)])
    with pytest.raises(DeliveryError, match="partition 2"):
        part.snapshot()
    part.close()
    assert Broker(embedded.bootstrap_servers).offsets(TOPIC, (0,)) == {0: (0, 0)}


def test_a_message_that_is_too_large_for_us_stops_the_job(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    part = part_of(KafkaSink(Broker(embedded.bootstrap_servers, {"message.max.bytes": "2000"}), TOPIC, range(4)), 0)
    with pytest.raises(DeliveryError, match="size"):
        part.write_batch([OutBatch(0, [b"k"], [b"x" * 3000], [1])])
    part.close()


def test_a_fault_that_is_too_large_for_us_goes_without_its_value(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    broker = Broker(embedded.bootstrap_servers, {"message.max.bytes": "2000"})
    part = part_of(KafkaSink(broker, TOPIC, range(4), shrink=shrink_fault), 0)
    part.write_batch(
        [OutBatch(0, [b"k", b"K" * 3000], [b"x" * 3000, b"y" * 4000], [1, 2], [[("a", b"1")], [("a", b"1")]])]
    )
    assert part.snapshot() == 2
    part.close()
    first, second = read(embedded.bootstrap_servers, 0, 2)
    assert (first.key(), first.value(), first.headers()) == (b"k", b"", [("a", b"1"), ("obi.value_omitted", b"3000")])
    assert (second.key(), second.value(), second.headers()) == (None, b"", [("obi.value_omitted", b"4000")])
