"""``make latency``: from a raw message's production to its record's reading, at a steady rate, for both ways to deliver.

Load generator, job and reader are processes of their own and share the machine's clock: a raw message carries the time of
its production (``recv_ns``), its record carries that on, and the reader subtracts it from now.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from rich.console import Console
from rich.table import Table

from benchmarks.workload import depth20
from tests.kafka_server import KafkaServer, free_ports

DELIVERIES: Final = ("idempotent", "transactional")
EPOCHS_MS: Final = (250, 1000, 5000)
_WARM_UP_S: Final = 20.0
"""The broker is slow before its virtual machine has compiled what it does; that takes it some 20 s."""
_STEP_S: Final = 0.002
_RECEIVED: Final = re.compile(rb'"receive_time_ns":(\d+)')
_BUCKET: Final = re.compile(r'^obi_epoch_pause_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


class Case(NamedTuple):
    """What is measured."""

    delivery: str
    epoch_ms: int


class Load(NamedTuple):
    """How much, and for how long."""

    rate: int
    seconds: float
    symbols: int
    partitions: int


def generate(bootstrap: str, raw: str, load: Load) -> None:
    """Produce at the rate, evenly; each message says when."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2})
    # Made before: what making them costs must not be taken from the others' cores.
    messages = list(depth20(int(load.rate * load.seconds), load.symbols, load.partitions))
    begin = time.monotonic()
    done = 0
    while done < len(messages):
        due = min(int((time.monotonic() - begin) * load.rate), len(messages))
        for message in messages[done:due]:
            headers: list[tuple[str, str | bytes | None]] = [("recv_ns", b"%d" % time.time_ns())]
            producer.produce(raw, message.value, message.key, message.partition, headers=headers)
        done = due
        producer.poll(0)
        time.sleep(_STEP_S)
    producer.flush(30)


def listen(bootstrap: str, metrics: str, load: Load, out: Path) -> None:
    """Read every record once it can be read; write (production time, latency) pairs in ns."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False})
    consumer.assign([TopicPartition(metrics, partition, 0) for partition in range(load.partitions)])
    left = int(load.rate * load.seconds)
    pairs = np.zeros((left, 2), np.int64)
    while left:
        message = consumer.poll(60.0)
        now = time.time_ns()
        if message is None:
            raise RuntimeError(f"expected {left} records more, received none for a minute")
        found = _RECEIVED.search(message.value() or b"")
        if message.error() is None and found is not None:
            left -= 1
            sent = int(found[1])
            pairs[left] = sent, now - sent
    np.save(out, pairs)


@contextmanager
def running(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def sample(server: str, case: Case, load: Load, folder: Path) -> tuple[np.ndarray, float]:
    """Latencies in ms after the warm-up, and the epoch pause in ms that 99 of 100 do not exceed (a bucket's bound)."""
    mark = f"{case.delivery}-{case.epoch_ms}"
    raw, metrics, faults = (f"{kind}-{mark}" for kind in ("raw", "metrics", "faults"))
    client = AdminClient({"bootstrap.servers": server})
    for future in client.create_topics(
        [NewTopic(topic, load.partitions, 1) for topic in (raw, metrics, faults)]
    ).values():
        future.result(30)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    job = ["obi", "run", "--bootstrap-servers", server, "--raw-topic", raw, "--metrics-topic", metrics]
    job += ["--faults-topic", faults, "--state-dir", str(folder / mark), "--metrics-addr", address]
    job += ["--delivery", case.delivery, "--epoch-interval-ms", str(case.epoch_ms)]
    out = folder / f"{mark}.npy"
    ours = ["benchmarks.latency", "--rate", str(load.rate), "--seconds", str(load.seconds), "--bootstrap", server]
    with (
        running(*job, log=folder / f"{mark}.job.log"),
        running(*ours, "--listen", metrics, "--out", str(out), log=folder / f"{mark}.reader.log") as reader,
    ):
        time.sleep(2.0)
        with running(*ours, "--generate", raw, log=folder / f"{mark}.load.log") as generator:
            generator.wait(load.seconds + 60)
        if reader.wait(90) != 0:
            raise RuntimeError((folder / f"{mark}.reader.log").read_text()[-2000:])
        pause_ms = pause(address)
    pairs = np.load(out)
    late = pairs[:, 0] > pairs[:, 0].min() + int(_WARM_UP_S * 1e9)
    return pairs[late, 1] / 1e6, pause_ms


def pause(address: str) -> float:
    """The bound of the bucket that the 99th percentile of the pauses between epochs lies in, in ms."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        buckets = [(float(bound), float(count)) for bound, count in _BUCKET.findall(answer.read().decode())]
    total = buckets[-1][1]
    return next(bound for bound, count in buckets if count >= 0.99 * total) * 1000


def main() -> None:
    """Parse the arguments; as parent start the broker and measure case after case."""
    parser = argparse.ArgumentParser(prog="make latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=3000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=50.0, help="of each case, the first 20 of which warm up")
    parser.add_argument("--delivery", action="append", choices=DELIVERIES)
    parser.add_argument("--epoch-ms", action="append", type=int)
    for inner in ("--bootstrap", "--generate", "--listen"):
        parser.add_argument(inner, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    load = Load(given.rate, given.seconds, symbols=20, partitions=4)
    if given.generate:
        generate(given.bootstrap, given.generate, load)
    elif given.listen:
        listen(given.bootstrap, given.listen, load, given.out)
    else:
        cases = [Case(*pair) for pair in product(given.delivery or DELIVERIES, given.epoch_ms or EPOCHS_MS)]
        measure(cases, load)


def measure(cases: list[Case], load: Load) -> None:
    """All cases one after the other, as a table."""
    console = Console() if sys.stdout.isatty() else Console(width=110)
    table = Table(title=f"{load.rate} messages/s, production to reading, ms")
    for name in ("delivery", "epoch", "p50", "p99", "p99.9", "max", "pause between epochs, p99"):
        table.add_column(name, justify="left" if name == "delivery" else "right")
    with tempfile.TemporaryDirectory(prefix="obi-latency-") as folder, KafkaServer() as server:
        for case in cases:
            latencies, pause_ms = sample(server.bootstrap_servers, case, load, Path(folder))
            shown = [f"{value:.1f}" for value in np.percentile(latencies, (50, 99, 99.9, 100))]
            table.add_row(case.delivery, f"{case.epoch_ms / 1000:g} s", *shown, f"<= {pause_ms:g}")
            console.print(f"{case.delivery}, {case.epoch_ms} ms: {', '.join(shown)}; pause <= {pause_ms:g} ms")
    console.print(table)
    console.print(
        f"{platform.machine()}, Python {platform.python_version()}; broker, load and reader on the same cores"
    )


if __name__ == "__main__":
    main()
