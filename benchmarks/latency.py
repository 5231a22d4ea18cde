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
_FIRST_WARM_UP_S: Final = 60.0
"""The broker is slow before its virtual machine has compiled what it does. A way to deliver that it has not seen before takes
it most of a minute: transactions are some hundred a second, and each of their steps has to be run thousands of times."""
_STEP_S: Final = 0.002
_RECEIVED: Final = re.compile(rb'"receive_time_ns":(\d+)')
_BUCKET: Final = r'^obi_%s_seconds_bucket\{le="([^"]+)"\} (\S+)$'


class Case(NamedTuple):
    """What is measured."""

    delivery: str
    epoch_ms: int


class Load(NamedTuple):
    """How much, and for how long."""

    rate: int
    seconds: float
    warm_up_s: float
    symbols: int = 20
    partitions: int = 4

    @property
    def messages(self) -> int:
        """Of the warm-up and of what is measured."""
        return int(self.rate * (self.warm_up_s + self.seconds))


def generate(bootstrap: str, raw: str, load: Load) -> None:
    """Produce at the rate, evenly; each message says when."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2})
    # Made before: what making them costs must not be taken from the others' cores.
    messages = list(depth20(load.messages, load.symbols, load.partitions))
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
    left = load.messages
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


class Sample(NamedTuple):
    """Latencies in ms, and what 99 of 100 ends of epochs did not exceed, in ms (the bound of a bucket)."""

    latencies_ms: np.ndarray
    flush_ms: float
    pause_ms: float


def sample(server: str, case: Case, load: Load, folder: Path) -> Sample:
    """One case, after the warm-up."""
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
    ours += ["--warm-up", str(load.warm_up_s)]
    with (
        running(*job, log=folder / f"{mark}.job.log"),
        running(*ours, "--listen", metrics, "--out", str(out), log=folder / f"{mark}.reader.log") as reader,
    ):
        time.sleep(2.0)
        with running(*ours, "--generate", raw, log=folder / f"{mark}.load.log") as generator:
            time.sleep(load.warm_up_s)
            before = [buckets(address, kind) for kind in ("flush", "epoch_pause")]
            generator.wait(load.seconds + 120)
        if reader.wait(90) != 0:
            raise RuntimeError((folder / f"{mark}.reader.log").read_text()[-2000:])
        after = [buckets(address, kind) for kind in ("flush", "epoch_pause")]
    pairs = np.load(out)
    late = pairs[:, 0] > pairs[:, 0].min() + int(load.warm_up_s * 1e9)
    return Sample(pairs[late, 1] / 1e6, *(slowest_ms(*both) for both in zip(before, after, strict=True)))


def buckets(address: str, kind: str) -> dict[float, float]:
    """Bounds in s and counts of a histogram of the job, so far."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        found = re.findall(_BUCKET % kind, answer.read().decode(), re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def slowest_ms(before: dict[float, float], after: dict[float, float]) -> float:
    """The bound of the bucket that the 99th percentile between the two lies in, in ms."""
    counts = {bound: count - before[bound] for bound, count in after.items()}
    return next(bound for bound, count in counts.items() if count >= 0.99 * max(counts.values())) * 1000


def main() -> None:
    """Parse the arguments; as parent start the broker and measure case after case."""
    parser = argparse.ArgumentParser(prog="make latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=3000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each case, after the warm-up")
    parser.add_argument("--delivery", action="append", choices=DELIVERIES)
    parser.add_argument("--epoch-ms", action="append", type=int)
    for inner in ("--bootstrap", "--generate", "--listen"):
        parser.add_argument(inner, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--warm-up", type=float, default=_WARM_UP_S, help="seconds before each case")
    given = parser.parse_args()
    load = Load(given.rate, given.seconds, given.warm_up)
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
    for name in ("delivery", "epoch", "p50", "p99", "p99.9", "max", "flush, p99", "pause, p99"):
        table.add_column(name, justify="left" if name == "delivery" else "right")
    with tempfile.TemporaryDirectory(prefix="obi-latency-") as folder, KafkaServer() as server:
        seen: set[str] = set()
        for case in cases:
            warm_up_s = load.warm_up_s if case.delivery in seen else max(load.warm_up_s, _FIRST_WARM_UP_S)
            seen.add(case.delivery)
            result = sample(server.bootstrap_servers, case, load._replace(warm_up_s=warm_up_s), Path(folder))
            shown = [f"{value:.1f}" for value in np.percentile(result.latencies_ms, (50, 99, 99.9, 100))]
            bounds = f"<= {result.flush_ms:g}", f"<= {result.pause_ms:g}"
            table.add_row(case.delivery, f"{case.epoch_ms / 1000:g} s", *shown, *bounds)
            console.print(
                f"{case.delivery}, {case.epoch_ms} ms: {', '.join(shown)}; flush {bounds[0]}, pause {bounds[1]} ms"
            )
    console.print(table)
    console.print(
        f"{platform.machine()}, Python {platform.python_version()}; broker, load and reader on the same cores"
    )


if __name__ == "__main__":
    main()
