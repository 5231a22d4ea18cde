"""Two idempotent writers of one partition: one of them stops, nothing is missing, and what a dead one left is no writer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from connectors.broker import Broker, BrokerError, DeliveryError, SecondWriterError
from connectors.kafka_sink import KafkaSink
from connectors.tail import record_answers_to
from connectors.terms import Claim
from tests.kafka.written import answered, records, transaction_of
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics

Superseded = Callable[[int], bool]


def sink_of(
    servers: str, topic: str, superseded: Superseded | None, rivals: list[int] | None = None, wait_s: float = 60.0
) -> KafkaSink:
    claim = Claim("shard 0/1", superseded, None if rivals is None else rivals.append)
    return KafkaSink(
        Broker(servers), topic, (1, 3), identify=record_answers_to, begins={1: 0, 3: 0}, claim=claim, wait_s=wait_s
    )


def _answer(is_superseded: bool, _: int) -> bool:
    return is_superseded


@pytest.mark.parametrize("newest", ["first", "second"])
def test_the_older_of_two_writers_stops_and_the_newer_one_goes_on(kafka: Kafka, topics: Topics, newest: str) -> None:
    topic = topics.create("metrics")
    rivals: dict[str, list[int]] = {"first": [], "second": []}
    parts = {}
    for name in ("first", "second"):
        sink = sink_of(kafka.bootstrap_servers, topic, partial(_answer, name != newest), rivals[name])
        parts[name] = sink.build_part("metrics", "00003", None)
    errors: dict[str, str] = {}
    for first in range(0, 5000, 50):
        for name, part in parts.items():
            if name in errors:
                continue
            try:
                part.write_batch([records(3, first, 50)])
                part.snapshot()
            except SecondWriterError as error:
                errors[name] = str(error)
                part.close()
    ((stopped, text),) = errors.items()
    assert stopped != newest
    assert "partition 3" in text
    assert "shard 0/1 is already being run" in text
    assert set(rivals[newest]) <= {3}
    assert rivals[stopped] == []
    seen = dict.fromkeys(answered(kafka.bootstrap_servers, topic, 3))
    assert list(seen) == list(range(5000))  # after the copies are dropped, all are there in their order
    parts[newest].close()


def test_without_a_journal_the_writer_that_notices_stops(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics")
    first = sink_of(kafka.bootstrap_servers, topic, None).build_part("metrics", "00001", None)
    second = sink_of(kafka.bootstrap_servers, topic, None).build_part("metrics", "00001", None)
    first.write_batch([records(1, 0, 10)])
    assert first.snapshot() == 10
    second.write_batch([records(1, 0, 10)])  # its end was known before the first one wrote
    with pytest.raises(SecondWriterError):
        second.snapshot()
    with pytest.raises(SecondWriterError):
        second.write_batch([records(1, 10, 10)])
    second.close()
    first.close()


def test_a_restart_behind_what_a_crash_left_is_alone(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics")
    crashed = sink_of(kafka.bootstrap_servers, topic, None).build_part("metrics", "00001", None)
    crashed.write_batch([records(1, 0, 100)])
    crashed.snapshot()
    again = sink_of(kafka.bootstrap_servers, topic, None)
    part = again.build_part("metrics", "00001", 40)
    part.write_batch([records(1, 40, 30)])
    assert (part.snapshot(), again.ends) == (40, {1: 40, 3: 0})  # what was written is still being repeated
    part.write_batch([records(1, 70, 50), records(1, 120, 5)])
    assert (part.snapshot(), again.ends) == (125, {1: 125, 3: 0})
    assert answered(kafka.bootstrap_servers, topic, 1) == list(range(125))
    part.close()
    crashed.close()


def test_a_transaction_that_a_killed_process_left_open_is_waited_for(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics")
    killed = transaction_of(kafka.bootstrap_servers, topic, records(3, 0, 10), **{"transaction.timeout.ms": 1500})
    killed.purge()
    sink = sink_of(kafka.bootstrap_servers, topic, None)
    part = sink.build_part("metrics", "00003", None)
    part.write_batch([records(3, 0, 20)])
    assert part.snapshot() == 31  # ten that vanished, and the marker that says so
    assert answered(kafka.bootstrap_servers, topic, 3) == list(range(20))
    part.close()


def test_a_transaction_that_stays_open_is_not_waited_for_without_end(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics")
    alive = transaction_of(kafka.bootstrap_servers, topic, records(3, 0, 10))
    with pytest.raises(DeliveryError, match=r"left a transaction open in partitions \[3\]"):
        sink_of(kafka.bootstrap_servers, topic, None, wait_s=0.5).build_part("metrics", "00003", None)
    alive.abort_transaction(10.0)


def test_delivery_can_change_its_way_between_runs(kafka: Kafka, topics: Topics) -> None:
    topic = topics.create("metrics")
    begins = {0: 0}
    resume, count = 0, 0
    for interval_ms in (None, 10, None, 10):
        sink = KafkaSink(
            Broker(kafka.bootstrap_servers),
            topic,
            (0,),
            identify=record_answers_to,
            begins=begins,
            transaction_interval_ms=interval_ms,
        )
        part = sink.build_part("metrics", "00000", resume)
        part.write_batch([records(0, count, 30), records(0, count + 30, 10)])
        resume = part.snapshot()
        part.write_batch([records(0, count + 40, 10)])  # written, and unknown to the recovery point
        part.snapshot()
        part.close()
        count += 40
    assert answered(kafka.bootstrap_servers, topic) == list(range(170))


def test_a_topic_that_was_just_made_is_asked_until_it_is_there(kafka: Kafka, topics: Topics) -> None:
    for _ in range(3):
        topic = topics.create("metrics", partitions=8)
        begin = time.monotonic()
        part = sink_of(kafka.bootstrap_servers, topic, None).build_part("metrics", "00003", None)
        assert part.snapshot() == 0
        part.close()
        assert time.monotonic() - begin < 30.0


def test_a_topic_that_is_not_there_is_not_waited_for_long(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.tail.REQUEST_S", 0.5)
    with pytest.raises(BrokerError, match=r"expected the offsets of topic none .*nknown"):
        sink_of(kafka.bootstrap_servers, "none", None).build_part("metrics", "00003", None)
