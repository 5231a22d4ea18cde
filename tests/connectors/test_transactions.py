"""A transactional part where no transaction is needed to see it: waits, bounds, ends. The rest is in tests/kafka."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import KafkaError

from connectors.broker import Broker, BrokerError, DeliveryError
from connectors.embedded import EmbeddedBroker
from connectors.kafka_sink import KafkaSink
from connectors.outgoing import OutBatch
from connectors.terms import Terms
from connectors.transactions import TransactionalPart, commit_at
from connectors.transactor import Transactor

TOPIC = "depth.metrics"
NOWHERE = Broker("127.0.0.1:1", {"log_level": "0"})


def batch(partition: int, count: int) -> OutBatch:
    return OutBatch(partition, [b"k"] * count, [b"v%d" % i for i in range(count)], [5000 + i for i in range(count)])


def part_of(sink: KafkaSink, partition: int = 0) -> TransactionalPart:
    part = sink.build_part("metrics", f"{partition:05d}", None)
    assert isinstance(part, TransactionalPart)
    return part


def ended(part: TransactionalPart) -> bool:
    part._thread.join(5.0)
    return not part._thread.is_alive()


def test_messages_arrive_and_the_thread_ends_with_the_part(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    sink = KafkaSink(Broker(embedded.bootstrap_servers), TOPIC, range(4), transaction_interval_ms=10_000)
    first, second = part_of(sink, 0), part_of(sink, 1)
    for part in (first, second):
        part.write_batch([batch(part._partition, 3), batch(part._partition, 4)])
    assert (first.snapshot(), second.snapshot()) == (7, 7)
    assert sink.ends == {0: 7, 1: 7, 2: 0, 3: 0}
    first.close()
    second.close()
    assert ended(first)
    assert ended(second)


def test_a_batch_of_another_partition_is_a_bug() -> None:
    part = part_of(KafkaSink(NOWHERE, TOPIC, range(4), transaction_interval_ms=10))
    with pytest.raises(ValueError, match="expected messages for partition 0, received 1"):
        part.write_batch([batch(1, 1)])
    part.close()


def test_waiting_for_a_broker_that_is_away_ends_in_an_error_and_closing_does_not_wait_again() -> None:
    part = part_of(KafkaSink(NOWHERE, TOPIC, range(4), wait_s=0.6, transaction_interval_ms=10))
    part.write_batch([batch(0, 3)])
    with pytest.raises(DeliveryError, match=r"within 0\.6 s, but 3 messages for partition 0 of depth\.metrics wait"):
        part.snapshot()
    with pytest.raises(DeliveryError, match="nothing is lost"):
        part.write_batch([batch(0, 1)])
    start = time.monotonic()
    part.close()
    assert time.monotonic() - start < 3.0
    assert ended(part)


def test_a_request_to_stop_cuts_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.terms.STOP_WAIT_S", 0.2)
    stop = threading.Event()
    part = part_of(KafkaSink(NOWHERE, TOPIC, range(4), stop=stop, transaction_interval_ms=10))
    part.write_batch([batch(0, 1)])
    stop.set()
    with pytest.raises(DeliveryError, match=r"within 0\.2 s"):
        part.snapshot()
    part.close()


def test_parts_of_a_broker_that_is_away_are_closed_together(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("connectors.transactions.CLOSE_WAIT_S", 0.3)
    monkeypatch.setattr("connectors.broker._REPEAT_S", 0.0)  # others said it too, a moment ago
    sink = KafkaSink(NOWHERE, TOPIC, range(4), transaction_interval_ms=10)
    parts = [part_of(sink, partition) for partition in range(4)]
    for part in parts:
        part.write_batch([batch(part._partition, 5)])
    start = time.monotonic()
    for part in parts:
        part.close()
    assert time.monotonic() - start < 3.0
    assert all(ended(part) for part in parts)
    assert "5 messages for depth.metrics were not committed; a restart repeats them" in caplog.text


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.transactions._HELD_BYTES", 20)
    part = part_of(KafkaSink(NOWHERE, TOPIC, range(4), wait_s=0.3, transaction_interval_ms=10))
    part.write_batch([batch(0, 8)])
    with pytest.raises(DeliveryError, match="too much waits to be committed"):
        part.write_batch([batch(0, 8)])
    part.close()


def test_what_the_own_thread_finds_wrong_is_raised_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: Transactor) -> None:
        raise BrokerError("expected to read the end of partition 0")

    monkeypatch.setattr(Transactor, "open", unreadable)
    part = part_of(KafkaSink(NOWHERE, TOPIC, range(4), transaction_interval_ms=10))
    assert ended(part)
    with pytest.raises(BrokerError, match="expected to read the end"):
        part.write_batch([batch(0, 1)])
    with pytest.raises(BrokerError, match="expected to read the end"):
        part.snapshot()
    part.close()


def test_a_user_key_that_does_not_fit_transactions_is_told_as_librdkafka_does() -> None:
    broker = Broker("127.0.0.1:1", {"log_level": "0", "socket.timeout.ms": "59000"})
    with pytest.raises(BrokerError, match=r"socket\.timeout\.ms.*transaction\.timeout\.ms"):
        Transactor(Terms(broker, TOPIC), 0, None, lambda: False).open()


def test_wrong_passwords_end_the_wait_for_the_broker() -> None:
    transactor = Transactor(Terms(NOWHERE, TOPIC), 0, None, lambda: False)
    for _ in range(3):
        transactor._heard(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(DeliveryError, match="Authentication failure"):
        transactor.open()
    transactor.close()


@pytest.mark.parametrize("interval_s", [0.01, 0.05, 0.2, 2.0])
def test_the_last_transaction_ends_with_the_epoch(interval_s: float) -> None:
    now, end, commit_s = 0.0, 1.0, 0.015
    while (until := commit_at(now, end, interval_s)) < end - 1e-9:
        assert interval_s / 2 < until - now < 1.5 * interval_s + 1e-9
        now = until + commit_s
    assert until <= end + interval_s
    assert end - now < 1.5 * interval_s + 1e-9 or now == 0.0


def test_a_late_end_is_not_waited_for() -> None:
    assert commit_at(1.2, 1.0, 0.05) == 1.25
