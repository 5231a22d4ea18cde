"""A live feed and a broker that does not behave: what is received waits, and nothing is lost; who may not wait says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from connectors.raw_topic import partition_of
from tests.connectors.live.tiny_exchange import TinyExchange, TradingExchange
from tests.deployment import OBI, environment
from tests.kafka_reading import read_topic
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture
def exchange() -> Iterator[TinyExchange]:
    with TradingExchange() as tiny:
        yield tiny


@pytest.fixture
def raw(own_kafka: KafkaServer) -> Iterator[str]:
    topics = Topics(own_kafka.bootstrap_servers)
    yield topics.create("raw", partitions=4)
    topics.delete()


@contextmanager
def feeding(server: KafkaServer, raw: str, exchange: TinyExchange, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, *OBI, "feed", "binance-usdm", *SYMBOLS, "--streams", "trade", "--raw-topic", raw]
    urls = {"OBI_BINANCE_USDM_WS_URL": exchange.ws_url, "OBI_BINANCE_USDM_REST_URL": exchange.rest_url}
    environ = {**environment(), **urls, "OBI_BOOTSTRAP_SERVERS": server.bootstrap_servers}
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until_written(server: KafkaServer, raw: str, count: int) -> None:
    deadline = time.monotonic() + 30
    while sum(1 for _ in read_topic(server.bootstrap_servers, raw)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_while_the_broker_is_frozen_messages_wait_and_none_is_lost_or_there_twice(
    own_kafka: KafkaServer, raw: str, exchange: TinyExchange, tmp_path: Path
) -> None:
    with feeding(own_kafka, raw, exchange, tmp_path) as process:
        until_written(own_kafka, raw, 100)
        own_kafka.pause()
        time.sleep(8)
        own_kafka.resume()
        until_written(own_kafka, raw, 5000)
        process.terminate()
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0, told
    assert '"event": "waiting for Kafka"' in told
    found: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
    for message in read_topic(own_kafka.bootstrap_servers, raw):
        data = orjson.loads(message.value or b"")["data"]
        found[data["s"]].append(data["t"])
        assert message.partition == partition_of(f"binance-usdm:{data['s']}".encode(), 4)
    for numbers in found.values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_at_the_end_a_frozen_broker_is_told_within_5_s_and_a_second_signal_ends_at_once(
    own_kafka: KafkaServer, raw: str, exchange: TinyExchange, tmp_path: Path
) -> None:
    with (
        feeding(own_kafka, raw, exchange, tmp_path) as patient,
        feeding(own_kafka, raw, exchange, tmp_path) as hasty,
    ):
        until_written(own_kafka, raw, 1000)
        own_kafka.pause()
        try:
            time.sleep(0.5)
            start = time.monotonic()
            for process in (patient, hasty):
                process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            hasty.send_signal(signal.SIGTERM)
            assert hasty.wait(2) == -signal.SIGTERM
            _, told = patient.communicate(timeout=30)
            seconds = time.monotonic() - start
        finally:
            own_kafka.resume()

    assert patient.returncode == 3, told
    assert seconds < 5
    assert "are left, and may be missing in" in told
