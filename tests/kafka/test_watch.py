"""Watching a broker that goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import orjson
import pytest
from confluent_kafka import Producer

from tests.deployment import environment
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

SHOWN = (
    "orderflow_imbalance",
    "delta_volume",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
    "mid_price",
)


def write_record(servers: str, topic: str, seq: int) -> None:
    record = {"venue": "binance-spot", "symbol": "BTCUSDT", "seq": seq, "state": "live", **dict.fromkeys(SHOWN, 0.5)}
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(topic, orjson.dumps(record), b"binance-spot:BTCUSDT", 0)
    assert producer.flush(10) == 0


def pass_on(output: IO[str], lines: Queue[str]) -> None:
    for line in output:
        lines.put(line)


def wait_for(lines: Queue[str], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    seen = []
    while time.monotonic() < deadline:
        try:
            seen.append(lines.get(timeout=0.5))
        except Empty:
            continue
        if what in seen[-1]:
            return
    raise AssertionError(f"expected a line with {what!r}, received {seen}")


@pytest.mark.slow
def test_it_says_that_the_broker_is_away_and_goes_on_when_it_is_back(own_kafka: KafkaServer, tmp_path: Path) -> None:
    servers = own_kafka.bootstrap_servers
    topic = Topics(servers).create("metrics", partitions=1)
    write_record(servers, topic, 5)
    flags = ["--bootstrap-servers", servers, "--metrics-topic", topic]
    command = [sys.executable, "-u", "-m", "obi", "watch", *flags]
    lines: Queue[str] = Queue()
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        threading.Thread(target=pass_on, args=(process.stdout, lines), daemon=True).start()
        wait_for(lines, " seq=5 ")
        own_kafka.kill()
        wait_for(lines, "no broker answers, trying on")
        own_kafka.restart()
        wait_for(lines, "the broker answers again")
        write_record(servers, topic, 6)
        wait_for(lines, " seq=6 ")
        process.kill()
