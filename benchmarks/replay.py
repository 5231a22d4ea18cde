"""``make replay-bench``: how long it takes to compute the end of a long partition again, and compare it with what was written.

The whole command is timed, from the start of its process; the same command that does nothing (``--help``) is the baseline.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks.workload import depth20
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

_SYMBOLS: Final = 20
_WAITING: Final = 50_000
_OBI: Final = [sys.executable, "-m", "obi"]


def fill(servers: str, raw: str, messages: int) -> None:
    """Put depth20 messages into the topic's one partition."""
    settings = {"enable.idempotence": True, "linger.ms": 50, "compression.type": "lz4"}
    producer = Producer({"bootstrap.servers": servers, **settings})
    for message in depth20(messages, _SYMBOLS, 1):
        while len(producer) > _WAITING:
            producer.poll(0.1)
        producer.produce(raw, message.value, message.key, 0)
    if left := producer.flush(120):
        raise RuntimeError(f"expected all messages to be acknowledged, {left} are left")


def timed(command: list[str]) -> float:
    """Seconds that a command of ours took.

    Raises:
        RuntimeError: it did not end with 0.
    """
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode:
        raise RuntimeError(
            f"expected {' '.join(command)} to end with 0, received {done.returncode}: {done.stderr[-2000:]}"
        )
    return seconds


def main() -> None:
    """Fill, run, replay."""
    parser = argparse.ArgumentParser(prog="make replay-bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000_000, help="in the partition")
    parser.add_argument("--range", type=int, default=1000, help="messages at its end that are computed again")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=110)
    with tempfile.TemporaryDirectory(prefix="obi-replay-") as folder, KafkaServer() as server:
        topics = Topics(server.bootstrap_servers)
        names = {kind: topics.create(kind, partitions=1) for kind in ("raw", "metrics", "faults", "checkpoints")}
        told = ["--bootstrap-servers", server.bootstrap_servers]
        told += [part for kind, name in names.items() for part in (f"--{kind}-topic", name)]
        fill(server.bootstrap_servers, names["raw"], given.messages)
        console.print(f"{given.messages:,} messages are in the partition")
        run_s = timed([*_OBI, "run", "--until-end", "--state-dir", str(Path(folder) / "state"), *told])
        console.print(f"measured in {run_s:.0f} s")
        begin, end = given.messages - given.range, given.messages - 1
        replay = [*_OBI, "replay", "--partition", "0", "--from-offset", str(begin), "--to-offset", str(end), "--verify"]
        rows = [(timed([*_OBI, "replay", "--help"]), timed([*replay, *told])) for _ in range(given.rounds)]
    table = Table(title=f"the last {given.range:,} of {given.messages:,} messages again, s")
    for name in ("round", "replay --help", "replay --verify"):
        table.add_column(name, justify="right")
    for number, row in enumerate(rows, 1):
        table.add_row(str(number), *(f"{seconds:.2f}" for seconds in row))
    console.print(table)
    console.print(f"{platform.machine()}, Python {platform.python_version()}; broker on the same cores")


if __name__ == "__main__":
    main()
