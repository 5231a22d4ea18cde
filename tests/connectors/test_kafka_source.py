from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer

from connectors.broker import Broker, BrokerError
from connectors.embedded import EmbeddedBroker
from connectors.kafka_source import KafkaSource, KafkaSourcePart, part_per_partition
from connectors.position import Position
from connectors.raw import RawBatch

TOPIC = "depth.raw"
ALL = {"all": (0, 1, 2, 3)}


@dataclass
class Observer:
    messages: int = 0
    size_bytes: int = 0
    lags: dict[int, int] = field(default_factory=dict)
    recovery_points: int = 0
    pauses: list[float] = field(default_factory=list)

    def batch(self, messages: int, size_bytes: int) -> None:
        self.messages += messages
        self.size_bytes += size_bytes

    def lag(self, partition: int, messages: int) -> None:
        self.lags[partition] = messages

    def recovery_point(self) -> None:
        self.recovery_points += 1

    def epoch_pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def send(servers: str, count: int, *, start: int = 0, partitions: int = 4) -> None:
    producer = Producer({"bootstrap.servers": servers})
    for i in range(start, start + count):
        producer.produce(TOPIC, b"v%d" % i, b"k%d" % i, i % partitions, None, None, 1000 + i, [("n", b"%d" % i)])
    assert producer.flush(10) == 0


def drain(part: KafkaSourcePart, want: int | None = None, seconds: float = 10.0) -> list[RawBatch]:
    """Poll until the part ends, or until ``want`` messages were read."""
    batches: list[RawBatch] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            batches += part.next_batch()
        except StopIteration:
            return batches
        if want is not None and sum(map(len, batches)) >= want:
            return batches
    pytest.fail(f"neither the end nor {want} messages after {seconds} s: {batches}")


def values(batches: list[RawBatch]) -> list[bytes]:
    return sorted((v for batch in batches for v in batch.values if v is not None), key=lambda v: int(v[1:]))


def numbered(first: int, end: int) -> list[bytes]:
    return [b"v%d" % i for i in range(first, end)]


def open_part(
    servers: str,
    resume: Position | None = None,
    *,
    batch_size: int = 2000,
    start: str = "earliest",
    until_end: bool = False,
    stop: threading.Event | None = None,
    observer: Observer | None = None,
    on_rest: Callable[[], None] = lambda: None,
) -> KafkaSourcePart:
    source = KafkaSource(
        Broker(servers),
        TOPIC,
        ALL,
        batch_size=batch_size,
        start=start,
        until_end=until_end,
        stop=stop,
        observer=observer,
        on_rest=on_rest,
    )
    return source.build_part("raw", "all", resume)


def test_messages_come_in_columns_with_all_they_had(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 5, partitions=1)
    part = open_part(embedded.bootstrap_servers)
    batches = drain(part, 5)
    part.close()
    assert {batch.topic for batch in batches} == {TOPIC}
    assert [o for b in batches for o in b.offsets] == [0, 1, 2, 3, 4]
    assert [p for b in batches for p in b.partitions] == [0] * 5
    assert [t for b in batches for t in b.timestamps_ms] == [1000, 1001, 1002, 1003, 1004]
    assert [k for b in batches for k in b.keys] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert [h for b in batches for h in b.headers][4] == [("n", b"4")]


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_a_restart_goes_on_at_the_next_offset(embedded: EmbeddedBroker, batch_size: int) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 40)
    first = open_part(embedded.bootstrap_servers, batch_size=batch_size)
    head = drain(first, 17)
    position = first.snapshot()
    first.close()
    assert all(len(batch) <= batch_size for batch in head)
    second = open_part(embedded.bootstrap_servers, position, until_end=True)
    tail = drain(second)
    assert values(head + tail) == numbered(0, 40)
    assert second.snapshot() == ((0, 10), (1, 10), (2, 10), (3, 10))
    second.close()


def test_until_end_stops_where_the_end_was(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 10, partitions=3)  # one partition stays empty
    part = open_part(embedded.bootstrap_servers, until_end=True)
    send(embedded.bootstrap_servers, 30, start=10)
    assert values(drain(part)) == numbered(0, 10)
    assert part.snapshot() == ((0, 4), (1, 3), (2, 3), (3, 0))
    part.close()


def test_until_end_of_an_empty_topic_ends_at_once(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    part = open_part(embedded.bootstrap_servers, until_end=True)
    assert drain(part) == []
    part.close()


def test_latest_is_a_number_from_the_first_moment(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 8)
    part = open_part(embedded.bootstrap_servers, start="latest")
    assert part.snapshot() == ((0, 2), (1, 2), (2, 2), (3, 2))
    send(embedded.bootstrap_servers, 4, start=8)
    assert values(drain(part, 4)) == numbered(8, 12)
    part.close()


def test_stop_ends_the_source(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 8)
    stop = threading.Event()
    part = open_part(embedded.bootstrap_servers, stop=stop)
    drain(part, 8)
    stop.set()
    with pytest.raises(StopIteration):
        part.next_batch()
    assert part.snapshot() == ((0, 2), (1, 2), (2, 2), (3, 2))
    part.close()


def test_an_idle_poll_neither_spins_nor_holds_up(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    part = open_part(embedded.bootstrap_servers)
    part.next_batch()
    start = time.monotonic()
    for _ in range(10):
        assert part.next_batch() == []
    assert 0.05 < time.monotonic() - start < 1.0
    part.close()


def test_a_rest_is_told_before_each_one_and_not_while_there_is_work(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    rests: list[float] = []
    part = open_part(embedded.bootstrap_servers, batch_size=50, on_rest=lambda: rests.append(time.monotonic()))
    assert part.next_batch() == []
    assert len(rests) == 1
    send(embedded.bootstrap_servers, 400)
    drain(part, 50)
    time.sleep(1.0)  # the others are in the consumer by now
    rests.clear()
    drain(part, 200)
    assert rests == []
    drain(part, 150)
    part.next_batch()
    assert rests
    part.close()


def test_the_observer_is_told_by_batch(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    send(embedded.bootstrap_servers, 20)
    observer = Observer()
    part = open_part(embedded.bootstrap_servers, observer=observer, batch_size=5)
    drain(part, 20)
    part._lag_due = 0.0
    part.next_batch()
    part.snapshot()
    part.close()
    assert (observer.messages, observer.size_bytes, observer.recovery_points) == (20, sum(map(len, numbered(0, 20))), 1)
    assert observer.lags == dict.fromkeys(range(4), 0)


def test_a_broker_that_goes_away_is_waited_for_and_said_once(
    embedded: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    embedded.create(TOPIC)
    part = open_part(embedded.bootstrap_servers)
    part.next_batch()
    embedded.close()
    with caplog.at_level(logging.WARNING, "obi.kafka"):
        for _ in range(50):
            assert part.next_batch() == []
    assert len([r for r in caplog.records if "held up" in r.getMessage()]) <= 2
    part.close()


def test_a_part_per_partition_has_names_that_sort_as_numbers() -> None:
    parts = part_per_partition(range(11))
    assert parts["00010"] == (10,)
    source = KafkaSource(Broker("nowhere:1"), TOPIC, parts)
    assert [parts[name][0] for name in source.list_parts()] == list(range(11))


def test_a_missing_topic_is_an_error_at_once(embedded: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError):
        open_part(embedded.bootstrap_servers)
