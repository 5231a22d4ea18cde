"""Delivery in transactions on a real broker: a committed reader sees each message once, whatever happens meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from bytewax.outputs import StatefulSinkPartition
from confluent_kafka import KafkaException

from connectors.broker import Broker, DeliveryError, SecondWriterError
from connectors.kafka_sink import KafkaSink
from connectors.outgoing import OutBatch
from connectors.shrink_fault import shrink_fault
from connectors.tail import record_answers_to
from connectors.terms import Claim
from connectors.transactions import TransactionalPart
from tests.kafka.written import answered, messages, now_ms, records, transaction_of
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

Make = Callable[..., KafkaSink]


@pytest.fixture
def sink_of() -> Iterator[Make]:
    """`sink_of(servers, topic)` makes a sink whose parts are closed after the test."""
    made: list[KafkaSink] = []

    def make(servers: str, topic: str, kafka: dict[str, str] | None = None, **more: object) -> KafkaSink:
        terms: dict[str, object] = {"identify": record_answers_to, "begins": dict.fromkeys(range(4), 0)}
        terms |= {"transaction_interval_ms": 20, **more}
        sink = KafkaSink(Broker(servers, kafka or {}), topic, range(4), **terms)  # type: ignore[arg-type]
        made.append(sink)
        return sink

    yield make
    for sink in made:
        for part in sink._transactional.values():
            part.close()
            assert part._has_ended


def part_of(sink: KafkaSink, partition: int = 0, resume: int | None = None) -> StatefulSinkPartition[OutBatch, int]:
    return sink.build_part("metrics", f"{partition:05d}", resume)


def expect(servers: str, topic: str, count: int, partition: int = 0) -> None:
    """Committed are the answers to 0 .. count - 1, soon: the broker answers a commit before all readers see it."""
    eventually(lambda: len(answered(servers, topic, partition)) >= count)
    assert answered(servers, topic, partition) == list(range(count))


def eventually(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_snapshot_is_taken_when_everything_is_committed(kafka: Kafka, topics: Topics, sink_of: Make) -> None:
    topic = topics.create("metrics")
    sink = sink_of(kafka.bootstrap_servers, topic, transaction_interval_ms=10_000)
    parts = [part_of(sink, partition) for partition in range(3)]
    for partition, part in enumerate(parts):
        part.write_batch([records(partition, 0, 500), records(partition, 500, 500)])
    assert [part.snapshot() for part in parts] == [1000, 1000, 1000]
    for partition in range(3):
        expect(kafka.bootstrap_servers, topic, 1000, partition)
    assert sink.ends == {0: 1000, 1: 1000, 2: 1000, 3: 0}


def test_a_committed_reader_sees_messages_without_a_recovery_point(kafka: Kafka, topics: Topics, sink_of: Make) -> None:
    topic = topics.create("metrics")
    part = part_of(sink_of(kafka.bootstrap_servers, topic))
    part.write_batch([records(0, 0, 10)])
    expect(kafka.bootstrap_servers, topic, 10)
    part.write_batch([records(0, 10, 10)])
    expect(kafka.bootstrap_servers, topic, 20)


def test_closing_commits_what_is_left(kafka: Kafka, topics: Topics, sink_of: Make) -> None:
    topic = topics.create("metrics")
    part = part_of(sink_of(kafka.bootstrap_servers, topic, transaction_interval_ms=10_000))
    part.write_batch([records(0, 0, 10)])
    part.close()
    expect(kafka.bootstrap_servers, topic, 10)


def test_what_a_crash_left_is_not_written_again_and_what_it_left_open_vanishes(
    kafka: Kafka, topics: Topics, sink_of: Make
) -> None:
    topic = topics.create("metrics")
    before = part_of(sink_of(kafka.bootstrap_servers, topic))
    before.write_batch([records(0, 0, 100)])
    recovery_point = before.snapshot()
    before.write_batch([records(0, 100, 50)])
    before.snapshot()  # committed, but no recovery point that counts
    killed = transaction_of(kafka.bootstrap_servers, topic, records(0, 150, 30))

    sink = sink_of(kafka.bootstrap_servers, topic)
    after = part_of(sink, 0, recovery_point)
    after.write_batch([records(0, 100, 40)])
    assert after.snapshot() == recovery_point == sink.ends[0]  # the repetition is not over
    after.write_batch([records(0, 140, 60), records(0, 200, 10)])
    assert after.snapshot() > recovery_point
    expect(kafka.bootstrap_servers, topic, 210)
    assert len(answered(kafka.bootstrap_servers, topic, isolation="read_uncommitted")) == 240
    with pytest.raises(KafkaException, match="fenced"):
        killed.commit_transaction(10.0)


def test_a_writer_that_was_fenced_by_a_newer_one_stops(kafka: Kafka, topics: Topics, sink_of: Make) -> None:
    topic = topics.create("metrics")
    older = part_of(sink_of(kafka.bootstrap_servers, topic, claim=Claim(who="shard 0/2")))
    older.write_batch([records(0, 0, 10)])
    older.snapshot()
    newer = part_of(sink_of(kafka.bootstrap_servers, topic), 0, 0)
    newer.write_batch([records(0, 0, 20)])
    newer.snapshot()
    older.write_batch([records(0, 10, 10)])
    with pytest.raises(SecondWriterError, match=r"shard 0/2 is already being run"):
        older.snapshot()
    with pytest.raises(SecondWriterError):
        older.write_batch([records(0, 20, 10)])
    newer.write_batch([records(0, 20, 10)])
    newer.snapshot()
    expect(kafka.bootstrap_servers, topic, 30)


def test_the_newer_writer_takes_its_partition_back_from_one_that_does_not_know(
    kafka: Kafka, topics: Topics, sink_of: Make
) -> None:
    topic = topics.create("metrics")
    rivals: list[int] = []
    claim = Claim(superseded=lambda _: False, on_rival=rivals.append)
    newest = part_of(sink_of(kafka.bootstrap_servers, topic, claim=claim))
    newest.write_batch([records(0, 0, 10)])
    newest.snapshot()
    transaction_of(kafka.bootstrap_servers, topic, records(0, 10, 5))
    newest.write_batch([records(0, 10, 10)])
    newest.snapshot()
    assert rivals == [0]
    expect(kafka.bootstrap_servers, topic, 20)


def test_a_transaction_that_the_broker_gave_up_is_no_second_writer(own_kafka: KafkaServer, sink_of: Make) -> None:
    """A process that slept, seen from the broker: its transaction is aborted and its producer fenced."""
    topic = Topics(own_kafka.bootstrap_servers).create("metrics")
    sink = sink_of(own_kafka.bootstrap_servers, topic, {"transaction.timeout.ms": "1000"}, transaction_interval_ms=4000)
    part = part_of(sink)
    part.write_batch([records(0, 0, 10)])
    eventually(lambda: len(answered(own_kafka.bootstrap_servers, topic, isolation="read_uncommitted")) == 10)
    time.sleep(2.5)  # the broker looks every second
    part.write_batch([records(0, 10, 10)])
    assert part.snapshot() > 20  # the markers of transactions have offsets too
    expect(own_kafka.bootstrap_servers, topic, 20)


def test_a_record_that_the_topic_refuses_stops_the_job_with_nothing_of_its_transaction_written(
    kafka: Kafka, topics: Topics, sink_of: Make
) -> None:
    topic = topics.create("metrics", config={"max.message.bytes": "2000"})
    part = part_of(sink_of(kafka.bootstrap_servers, topic, {"batch.size": "1500"}, transaction_interval_ms=1))
    part.write_batch([records(0, 0, 10)])
    part.snapshot()
    batch = records(0, 10, 10)
    batch.values[5] = random.Random(1).randbytes(3000)  # nothing that compression makes smaller
    part.write_batch([batch])
    with pytest.raises(
        DeliveryError, match=f"partition 0 of topic {topic} to take a message, .*Message size too large"
    ):
        part.snapshot()
    expect(kafka.bootstrap_servers, topic, 10)


@pytest.mark.parametrize("limit", ["topic", "client"])
def test_a_fault_that_is_too_large_goes_without_its_value(
    kafka: Kafka, topics: Topics, sink_of: Make, limit: str
) -> None:
    topic = topics.create("faults", config={"max.message.bytes": "2000"} if limit == "topic" else {})
    keys = {"batch.size": "1500"} if limit == "topic" else {"message.max.bytes": "2000"}
    part = part_of(sink_of(kafka.bootstrap_servers, topic, keys, shrink=shrink_fault, identify=None))
    values: list[bytes | None] = [b"small", b"x" * 3000, b"also small"]
    part.write_batch([OutBatch(0, [b"a", b"b", b"c"], values, [now_ms()] * 3, [[("obi.reason", b"oversize")]] * 3)])
    assert part.snapshot() > 0
    found = [(m.key(), m.value(), m.headers()) for m in messages(kafka.bootstrap_servers, topic, 0)]
    assert found == [
        (b"a", b"small", [("obi.reason", b"oversize")]),
        (b"b", b"", [("obi.reason", b"oversize"), ("obi.value_omitted", b"3000")]),
        (b"c", b"also small", [("obi.reason", b"oversize")]),
    ]


def test_what_waits_is_bounded_and_goes_on_when_it_is_committed(
    kafka: Kafka, topics: Topics, sink_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.transactions._HELD_BYTES", 20_000)
    topic = topics.create("metrics")
    part = part_of(sink_of(kafka.bootstrap_servers, topic, {"queue.buffering.max.messages": "7"}))
    for first in range(0, 200, 20):
        part.write_batch([records(0, first, 20, size=500)])
        assert isinstance(part, TransactionalPart)
        assert part._held_bytes <= 20_000
    part.snapshot()
    expect(kafka.bootstrap_servers, topic, 200)


def stream(part: StatefulSinkPartition[OutBatch, int], stop: threading.Event) -> int:
    """Write as the job does, with a recovery point now and then, until told to stop; how many records."""
    count = 0
    while not stop.is_set():
        for _ in range(10):
            part.write_batch([records(0, count, 50)])
            count += 50
            time.sleep(0.002)
        part.snapshot()
    return count


@pytest.mark.slow
@pytest.mark.parametrize("delivery", ["idempotent", "transactional"])
def test_a_broker_that_is_killed_frozen_and_restarted_gets_everything_once_and_in_order(
    own_kafka: KafkaServer, sink_of: Make, delivery: str
) -> None:
    servers = own_kafka.bootstrap_servers
    topic = Topics(servers).create("metrics")
    is_transactional = delivery == "transactional"
    keys = {"transaction.timeout.ms": "2000"} if is_transactional else {}
    part = part_of(sink_of(servers, topic, keys, transaction_interval_ms=20 if is_transactional else None))
    stop = threading.Event()
    counts: list[int] = []
    writer = threading.Thread(target=lambda: counts.append(stream(part, stop)), daemon=True)
    writer.start()
    # The broker's own thread must be this one: it would end with the thread that started it.
    time.sleep(0.5)
    own_kafka.kill()
    own_kafka.restart()
    time.sleep(1.0)
    own_kafka.pause()
    time.sleep(3.5)  # longer than the transaction timeout
    own_kafka.resume()
    time.sleep(1.0)
    if is_transactional:  # in good order the broker moves its partitions away first, and librdkafka loses count
        own_kafka.restart()
    stop.set()
    writer.join(60)
    assert counts
    expect(servers, topic, counts[0])
    part.close()


@pytest.mark.slow
def test_a_broker_that_does_not_come_back_ends_the_job(own_kafka: KafkaServer, sink_of: Make) -> None:
    topic = Topics(own_kafka.bootstrap_servers).create("metrics")
    part = part_of(sink_of(own_kafka.bootstrap_servers, topic, {"transaction.timeout.ms": "1000"}, wait_s=3.0))
    part.write_batch([records(0, 0, 10)])
    part.snapshot()
    own_kafka.kill()
    part.write_batch([records(0, 10, 7)])
    with pytest.raises(DeliveryError, match=r"within 3 s, but 7 messages for partition 0 of .* nothing is lost"):
        part.snapshot()
    start = time.monotonic()
    part.close()
    assert time.monotonic() - start < 4.0
