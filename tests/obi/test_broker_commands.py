"""Commands against a broker: the embedded one, so that they are quick."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from connectors.embedded import PARTITIONS, EmbeddedBroker
from connectors.raw_topic import partition_of
from connectors.topics import TopicNames
from obi.cli import app
from tests.needs import ROOT

TOPICS = TopicNames()


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: EmbeddedBroker) -> None:
    """A folder and a broker of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OBI_BOOTSTRAP_SERVERS", embedded.bootstrap_servers)
    monkeypatch.setenv("OBI_STATE_DIR", str(tmp_path / "state"))


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def read(embedded: EmbeddedBroker, topic: str, count: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "x"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: list[Any] = []
    while len(found) < count and (batch := consumer.consume(count - len(found), 10)):
        found += batch
    consumer.close()
    return found


def write_record(embedded: EmbeddedBroker, symbol: str = "BTCUSDT") -> None:
    names = (
        "orderflow_imbalance",
        "delta_volume",
        "bid_ask_spread_pct",
        "order_book_depth_ratio",
        "large_order_presence",
    )
    record = {"venue": "binance-spot", "symbol": symbol, "seq": 1, "state": "live", "mid_price": 2.5}
    record |= dict.fromkeys(names, 0.25) | {"source": {"topic": "depth.raw", "partition": 0, "offset": 0}}
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    producer.produce("depth.metrics", orjson.dumps(record), partition=0)
    assert producer.flush(10) == 0


def test_a_recording_is_fed_one_partition_an_instrument(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    obi("simulate", "--symbols", 2, "--seconds", 3, "-o", "usdm_sim.gz")
    result = obi("feed", "recording", "usdm_sim.gz", "--speed", "max")
    lines = gzip.decompress(Path("usdm_sim.gz").read_bytes()).splitlines()
    found = read(embedded, "depth.raw", len(lines))

    assert result.exit_code == 0, result.output
    assert f"{len(lines):,} messages acknowledged by depth.raw" in result.stderr
    assert len(found) == len(lines)
    for message in found:
        assert message.partition() == partition_of(message.key(), PARTITIONS)
        assert [name for name, _ in message.headers()] == ["recv_ns"]
    times = [int(message.headers()[0][1]) for message in found if message.key() == b"binance-usdm:BTCUSDT"]
    assert times == sorted(times)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_feed_with_0_once_all_is_acknowledged(embedded: EmbeddedBroker, number: signal.Signals) -> None:
    embedded.create(*TOPICS)
    obi("simulate", "--symbols", 2, "--seconds", 3, "-o", "usdm_sim.gz")
    command = [sys.executable, "-m", "obi", "feed", "recording", "usdm_sim.gz", "--loop", "--speed", "20"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        read(embedded, "depth.raw", 100)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0, told
    acknowledged = int(told.split()[0].replace(",", ""))
    assert acknowledged >= 100
    assert len(read(embedded, "depth.raw", acknowledged)) == acknowledged


def test_derived_depth_takes_the_place_of_differences(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    obi("simulate", "--symbols", 1, "--seconds", 3, "-o", "spot_sim.gz")
    told = obi("feed", "recording", "spot_sim.gz", "--speed", "max", "--derive-depth20").stderr
    count = int(told.split()[0].replace(",", ""))
    streams = {orjson.loads(message.value())["stream"] for message in read(embedded, "depth.raw", count)}

    assert streams == {"btcusdt@depth20@100ms", "btcusdt@trade", "btcusdt@bookTicker"}


def test_a_missing_raw_topic_is_exit_code_3_and_the_line_to_type() -> None:
    obi("simulate", "--symbols", 1, "--seconds", 1, "-o", "spot_sim.gz")
    result = obi("feed", "recording", "spot_sim.gz")

    assert result.exit_code == 3
    assert "obi topics create" in result.stderr


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf"])
def test_a_speed_is_a_number_above_zero_or_max(speed: str) -> None:
    obi("simulate", "--symbols", 1, "--seconds", 1, "-o", "spot_sim.gz")
    result = obi("feed", "recording", "spot_sim.gz", "--speed", speed)

    assert result.exit_code == 2
    assert "--speed" in result.stderr


def test_watch_once_shows_the_newest_record_as_a_line(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    write_record(embedded)
    write_record(embedded, "ETHUSDT")
    result = obi("watch", "--once", "btcusdt")

    assert result.exit_code == 0
    assert result.stdout.startswith("binance-spot:BTCUSDT state=live orderflow_imbalance=0.25 ")
    assert result.stdout.count("\n") == 1


def test_watch_once_of_an_empty_topic_says_so(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    result = obi("watch", "--once")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "no records in depth.metrics yet" in result.stderr


def test_watch_without_the_topic_is_exit_code_3() -> None:
    result = obi("watch", "--once")

    assert result.exit_code == 3
    assert "depth.metrics" in result.stderr


def test_describe_shows_partitions_and_offsets(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    write_record(embedded)
    result = obi("topics", "describe")

    assert result.exit_code == 0
    assert "depth.metrics: 4 partitions" in result.stdout


def test_describe_says_what_is_missing_and_what_to_type(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.raw")
    result = obi("topics", "describe")

    assert result.exit_code == 1
    assert "depth.metrics: missing" in result.stdout
    assert "obi topics create" in result.stdout


def test_the_doctor_is_content_with_a_good_place(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    result = obi("doctor", "--depth-levels", "7")

    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.stdout
    assert "depth_levels=7" in result.stdout
    for what in (
        "python",
        "libraries",
        "settings",
        "state directory",
        "disk",
        "broker",
        "partitions",
        "raw time",
        "lag",
    ):
        assert what in result.stdout


def test_the_doctor_says_which_topics_are_missing() -> None:
    result = obi("doctor")

    assert result.exit_code == 1
    assert "FAIL topics" in result.stdout
    assert "-> type: obi topics create" in result.stdout


def test_the_doctor_answers_no_without_a_broker() -> None:
    result = obi(
        "doctor", "--bootstrap-servers", "127.0.0.1:1", "--broker-timeout", "0.1", "--kafka", "client.id=secret-id"
    )

    assert result.exit_code == 1
    assert "FAIL broker" in result.stdout
    assert "-> " in result.stdout
    assert "secret-id" not in result.output


def test_the_doctor_refuses_wrong_settings_as_every_command_does() -> None:
    result = obi("doctor", "--depth-levels", "0")

    assert result.exit_code == 2
    assert "depth_levels" in result.stderr
