from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from connectors.broker import Broker, DeliveryError, SecondWriterError
from connectors.embedded import EmbeddedBroker
from connectors.kafka_sink import KafkaSink, KafkaSinkPart
from connectors.outgoing import OutBatch
from connectors.shrink_fault import shrink_fault
from connectors.tail import record_answers_to
from connectors.terms import Claim

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


def records(partition: int, first: int, count: int) -> OutBatch:
    """Answers to the raw offsets from `first` on."""
    batch = plain(partition, first, count)
    batch.values = [b'{"source":{"offset":%d}}' % offset for offset in range(first, first + count)]
    return batch


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


def test_a_shard_has_parts_for_its_own_partitions_only() -> None:
    sink = KafkaSink(Broker("nowhere:1"), TOPIC, (9, 1, 5))
    names = sink.list_parts()
    assert names == ["00001", "00005", "00009"]
    assert [names[sink.part_fn(name)] for name in names] == names
    with pytest.raises(
        ValueError, match=r"expected messages for partitions \[1, 5, 9\] of depth\.metrics, received partition 2"
    ):
        sink.part_fn("00002")


def test_the_ends_are_what_is_known_to_be_written(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    broker, begins = Broker(embedded.bootstrap_servers), {0: 0, 1: 0, 3: 0}
    sink = KafkaSink(broker, TOPIC, (0, 1, 3), identify=record_answers_to, begins=begins)
    assert sink.ends == {0: 0, 1: 0, 3: 0}
    first = part_of(sink, 1)
    first.write_batch([records(1, 0, 5)])
    assert first.snapshot() == 5
    assert sink.ends == {0: 0, 1: 5, 3: 0}
    first.close()

    again = KafkaSink(broker, TOPIC, (0, 1, 3), identify=record_answers_to, begins=begins | {3: 0})
    second = part_of(again, 1, 2)
    assert again.ends == {0: 0, 1: 2, 3: 0}  # three of them are not known to the recovery point, and come again
    second.write_batch([records(1, 2, 3), records(1, 5, 4)])
    second.snapshot()
    assert again.ends == {0: 0, 1: 9, 3: 0}
    second.close()


def test_a_second_writer_is_noticed_by_the_offsets(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    claim = Claim(who="shard 0/2")
    sinks = [
        KafkaSink(
            Broker(embedded.bootstrap_servers), TOPIC, (0,), identify=record_answers_to, begins={0: 0}, claim=claim
        )
        for _ in range(2)
    ]
    ours, other = (part_of(sink, 0) for sink in sinks)
    other.write_batch([records(0, 0, 3)])
    assert other.snapshot() == 3
    ours.write_batch([records(0, 0, 3)])
    with pytest.raises(SecondWriterError, match=r"partition 0 of topic depth\.metrics.*shard 0/2 is already being run"):
        ours.snapshot()
    ours.close()
    other.close()


def test_parts_of_a_broker_that_is_away_are_not_waited_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.outlet.CLOSE_WAIT_S", 1.0)
    sink = KafkaSink(Broker("127.0.0.1:1", {"log_level": "0"}), TOPIC, range(8))
    parts = [part_of(sink, partition) for partition in range(8)]
    for partition, part in enumerate(parts):
        part.write_batch([plain(partition, 0, 1)])
    start = time.monotonic()
    for part in parts:
        part.close()
    assert time.monotonic() - start < 3.0


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


def test_what_lingers_is_sent_when_it_is_pushed(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers, {"linger.ms": "100000"}), TOPIC, range(4))
    sink.push()  # nobody has written yet
    part = part_of(sink, 2)
    part.write_batch([plain(2, 0, 1)])
    assert part.snapshot() == 1  # the connection is there from now on
    for number in range(1, 1000):  # a push may be over before librdkafka's thread has seen it, on a busy machine
        part.write_batch([plain(2, number, 1)])
        sink.push()
        if part.end > 1:
            break
    assert part.end > 1
    assert read(embedded.bootstrap_servers, 2, 2)[1].value() == b"v1"
    part.close()


def test_once_all_is_acknowledged_a_push_does_nothing(
    embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4))
    part = part_of(sink, 2)
    left: list[int] = []
    serve = part._outlet._serve

    def watched(call: Callable[[float], int], wait_s: float) -> int:
        left.append(serve(call, wait_s))
        return left[-1]

    part.write_batch([plain(2, 0, 1)])
    monkeypatch.setattr(part._outlet, "_serve", watched)
    for _ in range(10_000):
        sink.push()
        if left[-1] == 0:
            break
    pushes = len(left)
    sink.push()
    assert (len(left), left[-1], part.end) == (pushes, 0, 1)
    part.close()


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
