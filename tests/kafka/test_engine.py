"""A whole chain on a real broker that dies: feed, job, and the example engine, none of which is told or started again."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from tests.deployment import Deployment, environment
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics
from tests.needs import ROOT

AWAY_S = 10.0
MAX_AGE_S = 1.5
SLACK_S = 1.0
"""What the engine's rounds (every 0.1 s), its printing and a busy machine may add."""


class Engine:
    """``examples/ai_engine.py`` as a process, and what it prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def decides(self) -> Callable[[], object]:
        """Whether both instruments are decided about again, from now on."""
        return self._each(r"binance-spot:(BTC|ETH)USDT: (BUY|SELL|HOLD)")

    def refuses(self, why: str) -> Callable[[], object]:
        """Whether both are refused, with a reason, from now on."""
        return self._each(rf"binance-spot:(BTC|ETH)USDT: no decision, .*{why}")

    def _each(self, pattern: str) -> Callable[[], object]:
        since = len(self.lines)

        def both() -> bool:
            found = (re.match(pattern, line) for line in self.lines[since:])
            return {match[1] for match in found if match} == {"BTC", "ETH"}

        return both

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(self._process.stdout)


@contextmanager
def engine(deployment: Deployment) -> Iterator[Engine]:
    flags = ["--topic", deployment.metrics, "--max-age", str(MAX_AGE_S), "--every", "0.1", "--limits", "fixed"]
    command = [sys.executable, str(ROOT / "examples/ai_engine.py"), "--bootstrap-servers", deployment.servers, *flags]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Engine(process)
        finally:
            process.terminate()


@contextmanager
def market(deployment: Deployment) -> Iterator[None]:
    """Books of two instruments, twenty a second each, whatever the broker does."""
    producer = Producer({"bootstrap.servers": deployment.servers, "linger.ms": 5, "reconnect.backoff.max.ms": 1000})
    over = threading.Event()

    def feed() -> None:
        update = 0
        while not over.wait(0.05):
            update += 1
            for partition, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
                bids, asks = [[f"{100 + update % 5}", "1"]], [[f"{110 - update % 3}", "2"]]
                data = {"lastUpdateId": update, "bids": bids, "asks": asks}
                value = orjson.dumps({"stream": f"{symbol.lower()}@depth20@100ms", "data": data})
                producer.produce(deployment.raw, value, f"binance-spot:{symbol}".encode(), partition)
            producer.poll(0)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        producer.purge()


def wait_until(what: Callable[[], object], seconds: float) -> float:
    """Seconds that it took."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < seconds, f"waited for {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - start


@pytest.mark.slow
def test_an_engine_lives_through_a_broker_that_is_killed_for_ten_seconds(
    own_kafka: KafkaServer, tmp_path: Path
) -> None:
    deployment = Deployment(own_kafka.bootstrap_servers, Topics(own_kafka.bootstrap_servers), tmp_path)
    with market(deployment), deployment.running(), engine(deployment) as one:
        wait_until(one.decides(), 30)

        own_kafka.kill()
        gone_s = wait_until(one.refuses("1.5 s are allowed"), 30)
        assert gone_s < MAX_AGE_S + SLACK_S
        wait_until(one.refuses("no broker answers"), 10)
        since = len(one.lines)
        time.sleep(max(0.0, AWAY_S - gone_s))
        assert len(one.lines) > since
        assert [line for line in one.lines[since:] if re.search(": (BUY|SELL|HOLD)", line)] == []

        own_kafka.restart()
        wait_until(one.decides(), 40)
