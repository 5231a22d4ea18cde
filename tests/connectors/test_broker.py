from __future__ import annotations

import logging
import threading
import time

import pytest
from confluent_kafka import KafkaError, Producer

from connectors.broker import LOG, OWNED_KEYS, Broker, BrokerError, TopicMissingError, is_transient, wrong_keys
from connectors.embedded import EmbeddedBroker
from tests.kafka_server import free_ports


def nowhere() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


def test_our_keys_are_stronger_than_the_users_and_those_than_the_defaults() -> None:
    broker = Broker("here:1", {"client.id": "mine", "enable.idempotence": "false", "socket.timeout.ms": "7"})
    config = broker.config({"enable.idempotence": True})
    assert config["client.id"] == "mine"
    assert config["socket.timeout.ms"] == "7"
    assert config["enable.idempotence"] is True
    assert config["bootstrap.servers"] == "here:1"


def test_the_users_keys_are_in_no_repr() -> None:
    assert "hunter2" not in repr(Broker("here:1", {"sasl.password": "hunter2"}))


def test_waiting_says_so_and_gives_up_in_time() -> None:
    said: list[tuple[float, str]] = []
    start = time.monotonic()
    address = nowhere()
    with pytest.raises(BrokerError, match=f"expected a Kafka broker at {address} within 1 s.*--bootstrap-servers"):
        Broker(address, {"log_level": "0"}).wait(1.0, lambda waited, reason: said.append((waited, reason)))
    assert time.monotonic() - start < 5.0
    assert len(said) <= 1


def test_waiting_is_visible_and_can_be_stopped() -> None:
    stop = threading.Event()
    said: list[str] = []

    def say(_: float, reason: str) -> None:
        said.append(reason)
        stop.set()

    with pytest.raises(BrokerError):
        Broker(nowhere(), {"log_level": "0"}).wait(60.0, say, stop)
    assert len(said) == 1


def test_a_broker_that_answers_is_not_waited_for(embedded: EmbeddedBroker) -> None:
    Broker(embedded.bootstrap_servers).wait(5.0, lambda *_: pytest.fail("there was nothing to wait for"))


def test_partitions_of_a_topic_and_the_line_to_type_when_it_is_missing(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.raw")
    broker = Broker(embedded.bootstrap_servers)
    assert broker.partitions_of("depth.raw") == (0, 1, 2, 3)
    with pytest.raises(TopicMissingError, match="obi topics create --bootstrap-servers"):
        broker.partitions_of("other")
    assert "other" not in broker.topics()


def test_offsets_are_the_first_and_the_next_one(embedded: EmbeddedBroker) -> None:
    embedded.create("t")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for _ in range(3):
        producer.produce("t", b"x", partition=1)
    assert producer.flush(10) == 0
    assert Broker(embedded.bootstrap_servers).offsets("t", (0, 1)) == {0: (0, 0), 1: (0, 3)}


def test_offsets_of_a_partition_that_is_not_there_are_an_error(embedded: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError, match="expected the offsets of topic none"):
        Broker(embedded.bootstrap_servers, {"log_level": "0"}).offsets("none", (0,))


def test_wrong_librdkafka_keys_are_found_one_by_one_without_their_values() -> None:
    assert wrong_keys({}) == {}
    assert wrong_keys({"socket.timeout.ms": "7000", "fetch.min.bytes": "10"}) == {}
    wrong = wrong_keys(
        {"acks": "0", "no.such.key": "secret1", "security.protocol": "secret2", "socket.timeout.ms": "7000"}
    )
    assert set(wrong) == {"acks", "no.such.key", "security.protocol"}
    assert "secret" not in str(wrong)
    assert "acks" in OWNED_KEYS


def test_keys_that_are_wrong_only_together_are_told_as_such() -> None:
    wrong = wrong_keys({"security.protocol": "ssl", "ssl.ca.location": "/no/such/file"})
    assert set(wrong) == {""}
    assert "ssl.ca.location failed" in wrong[""]
    assert "/no/such" not in wrong[""]


@pytest.mark.parametrize(
    ("code", "transient"),
    [
        (KafkaError._ALL_BROKERS_DOWN, True),
        (KafkaError._TRANSPORT, True),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, True),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, False),
        (KafkaError._AUTHENTICATION, False),
        (KafkaError._AUTO_OFFSET_RESET, False),
    ],
)
def test_only_what_librdkafka_repairs_itself_is_transient(code: int, transient: bool) -> None:
    assert is_transient(KafkaError(code)) is transient


def test_librdkafka_says_the_same_once_and_nothing_of_keys_of_the_other_kind(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "obi.kafka"):
        for attempt in range(5):
            LOG.error("FAIL [obi#producer-%d] unheard of: connection refused after %dms", attempt, attempt)
        LOG.warning(
            "CONFWARN [obi] fetch.min.bytes is a consumer property and will be ignored by this producer instance"
        )
    assert len([record for record in caplog.records if "unheard of" in record.getMessage()]) == 1
    assert not any("CONFWARN" in record.getMessage() for record in caplog.records)
