"""Topics, a state directory, and the job as a user starts it: what tests of whole processes are made of."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Producer

from tests.kafka_reading import read_topic
from tests.kafka_topics import Topics
from tests.needs import ROOT

PARTITIONS = 2
OBI = ("-m", "obi")


class Deployment:
    """The topics of one job, its folder, and its command line.

    Args:
        servers: the broker.
        topics: makes the topics.
        folder: where the processes run and the state is.
        partitions: of each topic.
        raw: a raw topic that is there already, of another deployment, so that both measure the same messages.
    """

    def __init__(
        self, servers: str, topics: Topics, folder: Path, *, partitions: int = PARTITIONS, raw: str | None = None
    ) -> None:
        self.servers = servers
        self.folder = folder
        self.partitions = partitions
        self.raw = raw or topics.create("raw", partitions=partitions)
        self.metrics, self.faults, self.checkpoints = (
            topics.create(kind, partitions=partitions) for kind in ("metrics", "faults", "checkpoints")
        )
        self.state = folder / "state"
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, first: int, end: int) -> None:
        """Depth messages of two instruments, one a partition."""
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 5})
        for update in range(first, end):
            symbol = ("btcusdt", "ethusdt")[update % 2]
            data = {
                "lastUpdateId": update,
                "bids": [[f"{100 + update % 5}", "1"]],
                "asks": [[f"{110 - update % 3}", "2"]],
            }
            value = orjson.dumps({"stream": f"{symbol}@depth20@100ms", "data": data})
            producer.produce(self.raw, value, f"binance-spot:{symbol.upper()}".encode(), update % 2)
        assert producer.flush(30) == 0

    def command(self, *arguments: str, program: Sequence[str] = OBI) -> list[str]:
        """What is typed to run the job; what is said in `arguments` is stronger than what is said here."""
        flags = {
            "bootstrap-servers": self.servers,
            "raw-topic": self.raw,
            "metrics-topic": self.metrics,
            "faults-topic": self.faults,
            "checkpoints-topic": self.checkpoints,
            "state-dir": str(self.state),
            "epoch-interval-ms": "200",
        }
        return [sys.executable, *program, "run", *(f"--{k}={v}" for k, v in flags.items()), *arguments]

    def run(self, *arguments: str, code: int = 0, under: Sequence[str] = ()) -> str:
        """Run to the end of the raw topic, as what another command starts; what was logged."""
        done = subprocess.run(
            [*under, *self.command("--until-end", *arguments)], cwd=self.folder, env=environment(), capture_output=True,
            text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run until the end of the block, which may end it in its own way before."""
        process = subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=environment(), stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def seqs(self) -> list[list[int]]:
        """Sequence numbers of each output partition, in their order."""
        found: list[list[int]] = [[] for _ in range(self.partitions)]
        for message in read_topic(self.servers, self.metrics):
            found[message.partition].append(record(message.value)["seq"])
        return found

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        """Return once so many records are there."""
        deadline = time.monotonic() + seconds
        while sum(map(len, self.seqs())) < count:
            assert time.monotonic() < deadline, f"{self.seqs()} after {seconds} s"
            time.sleep(0.1)


def record(value: bytes | None) -> dict[str, Any]:
    """A metric record."""
    found: dict[str, Any] = orjson.loads(value or b"")
    return found


def environment() -> dict[str, str]:
    """Ours without settings (of this project and of Rust's panics), and with the way to this very code."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OBI_", "RUST_"))}
    return {**clean, "PYTHONPATH": str(ROOT), "COLUMNS": "400"}
