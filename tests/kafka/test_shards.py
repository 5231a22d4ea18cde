"""`obi run --shards 2` on a real broker: the same bytes as one process, whatever is killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.broker import Broker
from connectors.raw_topic import partition_of
from simulator import default_instruments, simulate
from simulator.events import Event
from tests.dataflows.supervision.test_supervisor import lives
from tests.deployment import environment
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics

PARTITIONS = 4
SHARDS = ("--shards", "2")


class Place:
    """A raw topic, any number of outputs of it, and the command."""

    def __init__(self, servers: str, topics: Topics, folder: Path) -> None:
        self.servers = servers
        self.folder = folder
        self._topics = topics
        self.raw = topics.create("raw", partitions=PARTITIONS)

    def output(self, name: str) -> tuple[str, list[str]]:
        """A metrics topic of its own, and the flags of the job that writes to it."""
        metrics, faults = (
            self._topics.create(f"{name}.{kind}", partitions=PARTITIONS) for kind in ("metrics", "faults")
        )
        flags = {
            "bootstrap-servers": self.servers,
            "raw-topic": self.raw,
            "metrics-topic": metrics,
            "faults-topic": faults,
            "checkpoint-interval": "0",
            "state-dir": str(self.folder / name),
            "epoch-interval-ms": "200",
            "batch-size": "50",
        }
        return metrics, [f"--{flag}={value}" for flag, value in flags.items()]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            command(*arguments, "--until-end"), cwd=self.folder, env=environment(), capture_output=True, text=True,
            check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The job in the background; its log is in ``log``."""
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command(*arguments), cwd=self.folder, env=environment(), stderr=log)
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def pid(self, shard: str) -> int:
        """Of the process of a shard, once it runs; the last one that the log tells of."""
        found: list[int] = []

        def look() -> bool:
            lines = (self.folder / "log").read_bytes().splitlines()
            events = [orjson.loads(line) for line in lines if line.startswith(b"{")]
            found[:] = [
                e["pid"] for e in events if (e["event"], e.get("shard"), e.get("state")) == ("shard", shard, "running")
            ]
            return bool(found)

        wait_until(look)
        return found[-1]

    def feed(self, events: Sequence[Event]) -> None:
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 5})
        for event in events:
            key = f"{event.venue}:{event.symbol}".encode()
            headers: list[tuple[str, str | bytes | None]] = [("recv_ns", str(event.recv_ns))]
            producer.produce(self.raw, event.payload, key, partition_of(key, PARTITIONS), headers=headers)
            producer.poll(0)
        assert producer.flush(30) == 0

    def count(self, topic: str) -> int:
        return sum(end for _, end in Broker(self.servers).offsets(topic, range(PARTITIONS)).values())

    def records(self, topic: str) -> dict[tuple[int, bytes], list[bytes]]:
        """Values by partition and instrument."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "x"})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        out: dict[tuple[int, bytes], list[bytes]] = defaultdict(list)
        left = self.count(topic)
        while left and (messages := consumer.consume(left, 10)):
            left -= len(messages)
            for message in messages:
                out[message.partition() or 0, message.key() or b""].append(message.value() or b"")
        consumer.close()
        return out


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "obi", "run", *arguments]


def wait_until(it_is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not it_is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def place(kafka: Kafka, topics: Topics, tmp_path: Path) -> Place:
    return Place(kafka.bootstrap_servers, topics, tmp_path)


@pytest.fixture(scope="module")
def market() -> list[Event]:
    """Instruments of all venues, on each of the partitions."""
    return list(simulate(default_instruments(8), seconds=8, seed=5))


@pytest.mark.slow
def test_shards_write_what_one_process_writes(place: Place, market: list[Event]) -> None:
    place.feed(market)
    whole, alone = place.output("one")
    parts, together = place.output("two")
    place.run(*alone)
    said = place.run(*together, *SHARDS)
    expected = place.records(whole)

    assert place.records(parts) == expected
    assert {partition for partition, _ in expected} == set(range(PARTITIONS))
    for shard, partitions in (("0/2", [0, 2]), ("1/2", [1, 3])):
        assert f"{shard} messages " in said
        done = [orjson.loads(line) for line in said.splitlines() if '"done"' in line and f'"{shard}"' in line]
        assert done[0]["partitions"] == partitions


@pytest.mark.slow
def test_no_kill_shows_neither_of_a_shard_nor_of_the_supervisor(place: Place, market: list[Event]) -> None:
    whole, alone = place.output("one")
    parts, together = place.output("two")
    third = len(market) // 3
    place.feed(market[:third])
    with place.running(*together, *SHARDS) as supervisor:
        wait_until(lambda: place.count(parts) > 0)
        victim = place.pid("1/2")
        os.kill(victim, signal.SIGKILL)
        place.feed(market[third : 2 * third])
        wait_until(lambda: place.pid("1/2") != victim)
        pids = [place.pid("0/2"), place.pid("1/2")]
        supervisor.kill()
    wait_until(lambda: not any(map(lives, pids)))
    place.feed(market[2 * third :])
    place.run(*alone)
    expected = place.records(whole)
    with place.running(*together, *SHARDS) as supervisor:
        wait_until(lambda: place.count(parts) >= sum(map(len, expected.values())))
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(40) == 0

    assert place.records(parts) == expected


def test_what_no_shard_can_go_on_with_is_2_and_told_once(place: Place) -> None:
    metrics, flags = place.output("two")
    producer = Producer({"bootstrap.servers": place.servers})
    for partition in range(PARTITIONS):
        producer.produce(metrics, b"a record of before", b"k", partition)
    assert producer.flush(30) == 0
    done = subprocess.run(
        command(*flags, *SHARDS), cwd=place.folder, env=environment(), check=False, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip

    assert done.returncode == 2, done.stderr
    assert done.stderr.count("seq would silently start at 1 again") == 1, done.stderr
    assert "obi run --shards 2 --resume-from-output" in done.stderr
