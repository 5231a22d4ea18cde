"""``make latency``: from a raw message's production to its record's reading, at a steady rate.

The job in both its ways to deliver and Kafka Streams, one after the other in one run. Load generator, job and reader are
processes of their own (``benchmarks.pace``).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.arguments import add_broker_folder, kafka_wanted, positive
from benchmarks.contestants import KAFKA_STREAMS, Place, kafka_streams, obi_run
from benchmarks.histograms import Buckets, buckets, slowest_ms
from benchmarks.machine import described
from benchmarks.pace import Load
from benchmarks.peers.environments import PeerUnavailableError
from benchmarks.processes import cpu_s
from benchmarks.stage import Stage
from benchmarks.workload import SYMBOLS, WORKLOADS
from tests.kafka_server import KafkaServer, free_ports

DELIVERIES: Final = ("idempotent", "transactional")
EPOCHS_MS: Final = (250, 1000, 5000)
_WARM_UP_S: Final = 20.0
_FIRST_WARM_UP_S: Final = 60.0
"""The broker is slow before its virtual machine has compiled what it does. A way to deliver that it has not seen before takes
it most of a minute: transactions are some hundred a second, and each of their steps has to be run thousands of times."""
_START_S: Final = 60.0
_LOOK_S: Final = 0.1
_BEHIND_S: Final = 90.0
_HISTOGRAMS: Final = ("flush", "epoch_pause")
_PERCENTILES: Final = (50, 99, 99.9, 100)


class Case(NamedTuple):
    """What is measured. ``kind``: cases of one kind ask the same of the broker; ``is_ours``: it tells its histograms."""

    name: str
    kind: str
    is_ours: bool
    command: Callable[[Place], list[str]]


class Sample(NamedTuple):
    """One case once: latencies in ms, the process's share of a core, and what 99 of 100 flushes and pauses did not exceed, ms.

    The share is None where the OS does not tell it, the bounds for others than the job.
    """

    latencies_ms: np.ndarray
    cores: float | None
    bounds_ms: tuple[float, ...] | None

    def percentiles(self) -> list[float]:
        """p50, p99, p99.9 and the slowest."""
        return [float(value) for value in np.percentile(self.latencies_ms, _PERCENTILES)]


def ours(delivery: str, epoch_ms: int) -> Case:
    """The job."""
    flags = ("--delivery", delivery, "--epoch-interval-ms", str(epoch_ms))
    name = f"obi run, {delivery}, epochs of {epoch_ms / 1000:g} s"
    return Case(name, delivery, True, lambda place: obi_run(place, *flags))


def streams(guarantee: str, commit_ms: str) -> Case:
    """Kafka Streams."""
    interval = "default settings" if commit_ms == "default" else f"a commit every {commit_ms} ms"
    name = f"{KAFKA_STREAMS}, {guarantee.replace('_', ' ')}, {interval}"
    return Case(name, guarantee, False, lambda place: kafka_streams(place, guarantee, commit_ms))


PEERS: Final = (
    streams("at_least_once", "default"),
    streams("at_least_once", "100"),
    streams("exactly_once_v2", "default"),
)


class Use(NamedTuple):
    """What a process has told and used so far."""

    at_s: float
    cpu_s: float | None
    histograms: list[Buckets]


def sample(stage: Stage, case: Case, load: Load, folder: Path) -> Sample:
    """One case once, after the warm-up."""
    raw, out = f"raw-{folder.name}", f"out-{folder.name}"
    sent, found = folder / "sent", folder / "latencies.npy"
    address = f"127.0.0.1:{free_ports(1)[0]}" if case.is_ours else None
    place = Place(stage.bootstrap, raw, out, load.partitions, load.messages, folder, folder.name, address)
    paced = [sys.executable, "-m", "benchmarks.pace"]
    listening = [*paced, "listen", stage.bootstrap, out, *load.arguments(), str(sent), str(found)]
    loading = [*paced, "generate", stage.bootstrap, raw, *load.arguments(), str(sent)]
    folder.mkdir()
    with stage.cleaned():
        for topic in (raw, out, f"{out}.faults"):
            stage.create(topic)
        with (
            running(case.command(place), folder / "job.log") as job,
            running(listening, folder / "reader.log") as reader,
            running(loading, folder / "load.log") as generator,
        ):
            begun = time.monotonic()
            while not sum(stage.ends(out)) and time.monotonic() - begun < _START_S and job.poll() is None:
                time.sleep(_LOOK_S)
            time.sleep(max(begun + load.warm_up_s - time.monotonic(), 0.0))
            before = use(job.pid, address)
            generator.wait(load.seconds + load.warm_up_s + 120)
            after = use(job.pid, address)
            if not is_read(reader):
                there = sum(stage.ends(out))
                logs = [(folder / f"{name}.log").read_text()[-2000:] for name in ("reader", "job")]
                raise RuntimeError(
                    f"expected {case.name} to keep up with {load.rate} messages/s, received {there:,} records of "
                    f"{load.messages:,} messages; reader and job said\n" + "\n".join(logs)
                )
    return judged(np.load(found), load, before, after)


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def is_read(reader: subprocess.Popen[bytes]) -> bool:
    """Whether the reader got all there must be, soon after the last message was sent."""
    try:
        return reader.wait(_BEHIND_S) == 0
    except subprocess.TimeoutExpired:
        return False


def use(pid: int, address: str | None) -> Use:
    """What the process has told and used until now."""
    told = [buckets(address, kind) for kind in _HISTOGRAMS] if address else []
    return Use(time.monotonic(), cpu_s(pid), told)


def judged(pairs: np.ndarray, load: Load, before: Use, after: Use) -> Sample:
    """The figures of (production time, latency) pairs in ns, without those of the warm-up."""
    late = pairs[:, 0] > pairs[:, 0].min() + int(load.warm_up_s * 1e9)
    cores = None
    if before.cpu_s is not None and after.cpu_s is not None:
        cores = (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)
    told = zip(before.histograms, after.histograms, strict=True)
    bounds = tuple(slowest_ms(*both) for both in told)
    return Sample(pairs[late, 1] / 1e6, cores, bounds or None)


def shown(values: Sequence[float]) -> str:
    """The median, and the spread when there is one."""
    middle = f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} .. {max(values):.1f})"


def row(case: Case, samples: Sequence[Sample]) -> list[str]:
    """One line of the table."""
    times = [shown(values) for values in zip(*(each.percentiles() for each in samples), strict=True)]
    cores = [each.cores for each in samples if each.cores is not None]
    bounds = [each.bounds_ms for each in samples if each.bounds_ms is not None]
    most = [f"<= {max(kind):g}" for kind in zip(*bounds, strict=True)] or ["-", "-"]
    return [case.name, *times, *most, f"{median(cores):.2f}" if cores else "-"]


def measure(
    cases: Sequence[Case], load: Load, rounds: int, console: Console, broker_folder: Path | None = None
) -> None:
    """All cases one after the other, so often, as a table."""
    table = Table(
        title=f"{load.rate:,} {load.workload} messages/s of {load.symbols:,} symbols, production to reading, ms"
    )
    for name in ("", "p50", "p99", "p99.9", "max", "flush, p99", "pause, p99", "cores"):
        table.add_column(name, justify="right" if name else "left")
    found: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="obi-latency-") as folder, KafkaServer(folder=broker_folder) as server:
        stage = Stage(server.bootstrap_servers, load.partitions, Path(folder), server.pid)
        seen: set[str] = set()
        for number, case in enumerate([*cases] * rounds):
            warm_up_s = load.warm_up_s if case.kind in seen else max(load.warm_up_s, _FIRST_WARM_UP_S)
            seen.add(case.kind)
            try:
                one = sample(stage, case, load._replace(warm_up_s=warm_up_s), Path(folder) / f"case-{number}")
            except PeerUnavailableError as error:
                console.print(f"SKIPPED {case.name}: {error}", markup=False)
                continue
            found.setdefault(case.name, []).append(one)
            console.print(", ".join([case.name, *row(case, [one])[1:]]), markup=False, highlight=False)
    for case in cases:
        if case.name in found:
            table.add_row(*row(case, found[case.name]))
    console.print(table)
    for line in described(found, broker_folder):
        console.print(line, markup=False, highlight=False)


def main() -> None:
    """Parse the arguments, measure case after case."""
    parser = argparse.ArgumentParser(prog="make latency", description=__doc__)
    parser.add_argument("--rate", type=positive, default=3000, help="messages a second")
    parser.add_argument(
        "--workload", choices=WORKLOADS, default="depth20", help="diff: full books with trades, the job alone"
    )
    parser.add_argument(
        "--symbols", type=positive, help=f"{SYMBOLS['depth20']} by default, {SYMBOLS['diff']} with --workload diff"
    )
    parser.add_argument("--partitions", type=positive, default=4)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each case, after the warm-up")
    parser.add_argument("--rounds", type=positive, default=1, help="how often each case is measured")
    parser.add_argument("--delivery", action="append", choices=DELIVERIES)
    parser.add_argument("--epoch-ms", action="append", type=positive)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="Kafka Streams as well")
    parser.add_argument(
        "--warm-up", type=float, default=_WARM_UP_S, help="seconds before each case; the first take longer"
    )
    add_broker_folder(parser)
    given = parser.parse_args()
    symbols = given.symbols or SYMBOLS[given.workload]
    load = Load(given.rate, given.seconds, given.warm_up, symbols, given.partitions, given.workload)
    cases = [ours(*pair) for pair in product(given.delivery or DELIVERIES, given.epoch_ms or EPOCHS_MS)]
    peers = PEERS if given.peers and given.workload == "depth20" else ()
    console = Console() if sys.stdout.isatty() else Console(width=150)
    with kafka_wanted():
        measure([*cases, *peers], load, given.rounds, console, given.broker_folder)


if __name__ == "__main__":
    main()
