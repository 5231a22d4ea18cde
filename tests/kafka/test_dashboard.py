"""The dashboard's reading on a real broker: as far back as was asked for, and through a broker that goes away."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
import pytest
from confluent_kafka import Producer

from connectors.broker import Broker
from connectors.decode import Decoder
from consumers.dashboard.scene import Scene
from consumers.dashboard.watcher import Topics, Watcher
from consumers.topic_tail import messages_since
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics as KafkaTopics

PATIENCE_S = 60.0


def write(servers: str, topic: str, seqs: range, timestamp: int = 0) -> None:
    producer = Producer({"bootstrap.servers": servers})
    for seq in seqs:
        record = {"venue": "binance-spot", "symbol": "BTCUSDT", "seq": seq, "state": "live", "mid_price": 1.0}
        value = orjson.dumps({**record, "orderflow_imbalance": 0.5, "event_time_ms": 1000 + seq})
        producer.produce(topic, value, b"binance-spot:BTCUSDT", 0, timestamp=timestamp)
    assert producer.flush(30) == 0


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reading_begins_at_a_time(kafka: Kafka, topics: KafkaTopics) -> None:
    servers = kafka.bootstrap_servers
    topic = topics.create("metrics", partitions=1)
    now_ms = time.time_ns() // 1_000_000
    for at in range(10):
        write(servers, topic, range(at, at + 1), timestamp=now_ms - 10_000 + at * 1000)

    since = messages_since(Broker(servers), topic, now_ms - 5_500, least=0, most=100)
    assert since == {(topic, 0): (5, 10)}


@pytest.mark.slow
def test_a_broker_that_goes_away_is_told_and_gone_on_with(own_kafka: KafkaServer) -> None:
    servers = own_kafka.bootstrap_servers
    topic = KafkaTopics(servers).create("metrics", partitions=1)
    write(servers, topic, range(1, 4))
    scene = Scene(Decoder(), levels=20, keep_s=60)
    with Watcher(Broker(servers), Topics("none.raw", topic, "none.faults"), scene, back_s=60):
        wait(lambda: scene.board.total == 3)
        own_kafka.kill()
        wait(lambda: scene.status.away)
        own_kafka.restart()
        wait(lambda: scene.status.away is None)
        write(servers, topic, range(4, 6))
        wait(lambda: scene.board.total == 5)

    assert scene.status.error is None
    assert scene.happenings.newest(9) == []
