"""The dataflow as Bytewax's launcher starts it: one process, and what it says when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.embedded import EmbeddedBroker
from connectors.topics import TopicNames
from dataflows import graph, imbalance
from tests.kafka_server import free_ports
from tests.needs import ROOT

COMMAND = [sys.executable, "-m", "bytewax.run", "dataflows.imbalance:flow()", "-w", "1"]
SYMBOL = "BTCUSDT" + "X" * 300
KEY = f"binance-spot:{SYMBOL}".encode()
BOOK = b'{"stream":"%s@depth20@100ms","data":{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]}}'
BOOK %= SYMBOL.lower().encode()


def environment(**own: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OBI_")}
    return {**clean, "PYTHONPATH": str(ROOT), **own}


def start(folder: Path, **own: str) -> subprocess.Popen[str]:
    return subprocess.Popen(COMMAND, cwd=folder, env=environment(**own), stderr=subprocess.PIPE, text=True)


def ends_with(code: int, folder: Path, **own: str) -> str:
    """What it said on the way out, which is never a traceback."""
    done = subprocess.run(
        COMMAND, cwd=folder, env=environment(**own), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def wait_for_records(servers: str, count: int) -> None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "x"})
    deadline = time.monotonic() + 30
    while (
        sum(consumer.get_watermark_offsets(TopicPartition("depth.metrics", p), timeout=5)[1] for p in range(4)) < count
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    consumer.close()


def test_the_graph_can_be_had_where_the_flow_is() -> None:
    assert (imbalance.build, imbalance.FLOW_ID) == (graph.build, graph.FLOW_ID)


def test_wrong_settings_are_2_and_all_of_them_are_told(tmp_path: Path) -> None:
    (tmp_path / "obi.toml").write_text("batch_size = 0\n", encoding="utf-8")
    said = ends_with(2, tmp_path, OBI_DEPTH_LEVELS="many")

    assert said.startswith("error: 2 settings are wrong:\n")
    assert "depth_levels (environment OBI_DEPTH_LEVELS)" in said
    assert "batch_size (file obi.toml)" in said


def test_a_broker_that_is_away_is_3(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    said = ends_with(3, tmp_path, OBI_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}", OBI_BROKER_TIMEOUT="0.1")

    assert "error: expected a Kafka broker at" in said


def test_missing_topics_are_3_with_the_line_to_type(tmp_path: Path, embedded: EmbeddedBroker) -> None:
    said = ends_with(3, tmp_path, OBI_BOOTSTRAP_SERVERS=embedded.bootstrap_servers)

    assert "obi topics create --bootstrap-servers" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_after_what_it_has_read(
    tmp_path: Path, embedded: EmbeddedBroker, number: signal.Signals
) -> None:
    embedded.create(*TopicNames())
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    producer.produce("depth.raw", BOOK, KEY, 1)
    assert producer.flush(10) == 0
    process = start(tmp_path, OBI_BOOTSTRAP_SERVERS=embedded.bootstrap_servers)
    try:
        wait_for_records(embedded.bootstrap_servers, 1)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 0, said
    assert "Traceback" not in said


def test_a_record_that_the_broker_refuses_is_3(tmp_path: Path, embedded: EmbeddedBroker) -> None:
    embedded.create(*TopicNames())
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    producer.produce("depth.raw", BOOK, KEY, 1)
    assert producer.flush(10) == 0
    said = ends_with(3, tmp_path, OBI_BOOTSTRAP_SERVERS=embedded.bootstrap_servers, OBI_KAFKA_MESSAGE_MAX_BYTES="1000")

    assert "error: expected partition 1 of topic depth.metrics to take a message, received: " in said
