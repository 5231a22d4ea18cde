"""``make bench``: the job beside the bare loop on a real Kafka, interleaved in one run, as ratios."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.throughput import Sample, counter, run
from benchmarks.workload import Message, depth20
from tests.kafka_server import KafkaServer

BASELINE: Final = "loop, orjson.loads"
TUNED: Final = "loop, orjson.loads, tuned client"
OURS: Final = "obi run"
_POLL_EVERY: Final = 2_000


def commands(bootstrap: str, raw: str, out: str, shape: tuple[int, int], state: Path) -> Mapping[str, list[str]]:
    """What is compared: the same input topic, one record out per message, same partitions."""
    partitions, messages = shape
    loop = [sys.executable, "-m", "benchmarks.loop", bootstrap, raw, out, str(partitions), str(messages)]
    job = [sys.executable, "-m", "obi", "run", "--until-end", "--bootstrap-servers", bootstrap, "--raw-topic", raw]
    job += ["--metrics-topic", out, "--faults-topic", f"{out}.faults", "--state-dir", str(state)]
    return {"loop, no parsing": [*loop, "pass"], BASELINE: [*loop, "loads"], TUNED: [*loop, "tuned"], OURS: job}


class Bench:
    """One broker, one loaded input topic, any number of runs over it."""

    def __init__(self, bootstrap: str, partitions: int, messages: int) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._messages = messages
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._runs = 0

    def _create(self, topic: str) -> None:
        new = NewTopic(topic, self._partitions, 1, config={"retention.ms": "-1"})
        self._admin.create_topics([new])[topic].result(30)

    def load(self, messages: Iterable[Message]) -> None:
        """Write the input once."""
        self._create("raw")
        settings = {"linger.ms": 50, "compression.type": "lz4", "queue.buffering.max.messages": 1_000_000}
        producer = Producer({"bootstrap.servers": self._bootstrap, **settings})
        for number, message in enumerate(messages):
            producer.produce("raw", message.value, message.key, message.partition)
            if number % _POLL_EVERY == 0:
                producer.poll(0)
        if left := producer.flush(60):
            raise RuntimeError(f"expected the input to be written, {left} messages were not")

    def sample(self, name: str, work: Path) -> Sample:
        """Run one contestant once, into fresh topics."""
        self._runs += 1
        out = f"out-{self._runs}"
        topics = [out, f"{out}.faults"]
        for topic in topics:
            self._create(topic)
        command = commands(self._bootstrap, "raw", out, (self._partitions, self._messages), work / out)[name]
        count = counter(self._bootstrap, out, self._partitions)
        try:
            return run(command, count, self._messages, work / f"{out}.log")
        finally:
            for future in self._admin.delete_topics(topics).values():
                future.result(30)


def report(console: Console, samples: Mapping[str, Sequence[Sample]], messages: int) -> None:
    """Print medians, spread and the ratio to the baseline of the same run."""
    table = Table(title=f"{messages:,} depth20 messages on a real Kafka, median (lowest .. highest)")
    for column in ("", "messages/s", "x loop", "x tuned loop", "CPU us/message", "peak RSS MB"):
        table.add_column(column, justify="right" if column else "left", no_wrap=not column)
    base, tuned = (median(sample.per_second for sample in samples[name]) for name in (BASELINE, TUNED))
    for name, runs in samples.items():
        rates = sorted(sample.per_second for sample in runs)
        table.add_row(
            name,
            f"{median(rates) / 1000:.1f} k ({rates[0] / 1000:.1f} .. {rates[-1] / 1000:.1f})",
            f"{median(rates) / base:.2f}",
            f"{median(rates) / tuned:.2f}",
            f"{median(sample.cpu_us for sample in runs):.1f}",
            f"{median(sample.peak_rss_mb for sample in runs):.0f}",
        )
    console.print(table)
    packages = ", ".join(f"{name} {version(name)}" for name in ("bytewax", "confluent-kafka", "numpy", "orjson"))
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores (broker on the same ones), "
        f"Python {platform.python_version()}, {packages}"
    )


def main() -> None:
    """Parse the arguments, start the broker, run everything in turns."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", action="append", help="run this contestant (repeatable); the loops that parse always run"
    )
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=110)
    with tempfile.TemporaryDirectory(prefix="obi-bench-") as folder, KafkaServer() as server:
        bench = Bench(server.bootstrap_servers, given.partitions, given.messages)
        load = depth20(given.messages, given.symbols, given.partitions)
        bench.load(track(load, "writing the input", given.messages, console=console))
        names = [*commands("", "", "", (0, 0), Path())]
        names = [name for name in names if not given.only or name in {*given.only, BASELINE, TUNED}]
        samples: dict[str, list[Sample]] = {name: [] for name in names}
        turns = [name for _ in range(given.rounds) for name in names]
        for name in track(turns, "running in turns", console=console):
            samples[name].append(bench.sample(name, Path(folder)))
        report(console, samples, given.messages)


if __name__ == "__main__":
    main()
