"""The AI engine's reader, ``python -m benchmarks.reader``: a lookup, how fast it takes records in, whether it keeps up.

A lookup is held against the least that gives the same answer: five values of a parsed record put into a new dictionary. The
taking in is held against the bare loop: consume, ``orjson.loads``. Each runs over the same topic on a real Kafka, in a
process of its own, in turns; CPU is user and system time of that process, librdkafka's threads included. A paced run
(``benchmarks.reader_paced``) then holds it against a topic that goes on at 20 000 records a second.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Final, NamedTuple

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.reader_paced import Paced, Run, paced
from benchmarks.workload import depth20
from connectors.decode import Decoder
from connectors.raw import RawBatch
from consumers.features import FeatureReader
from consumers.instruments import Instruments
from consumers.lookup import Lookup, Trust
from consumers.record_tail import Arrived
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook.presets import MeasureConfig
from orderbook.record import CORE_FEATURES
from tests.kafka_server import KafkaServer

TOPIC: Final = "depth.metrics"
_BATCH: Final = 2_000
_LOOKUPS: Final = 200_000
_MOST_S: Final = 300.0


class Rate(NamedTuple):
    """One run over the topic."""

    per_second: float
    cpu_us: float
    peak_mb: float


class Idle:
    """A reading that all is well with."""

    trouble: str | None = None
    strange = 0

    def check(self) -> None:
        """Nothing is wrong."""


def records(count: int, symbols: int) -> Iterator[bytes]:
    """What the job makes of the benchmarks' market, one instrument after the other."""
    pipeline = Pipeline(Decoder(), MeasureConfig(), Counts())
    for result in measure_batches(pipeline, batches(count, symbols)):
        yield from result.records


def batches(count: int, symbols: int) -> Iterator[RawBatch]:
    """Raw messages as polls bring them."""
    messages, at = depth20(count, symbols, 1), 0
    while chunk := list(islice(messages, _BATCH)):
        size = len(chunk)
        keys, values = [message.key for message in chunk], [message.value for message in chunk]
        times = [1_700_000_000_000 + number for number in range(at, at + size)]
        yield RawBatch(
            "depth.raw", [0] * size, list(range(at, at + size)), times, list(keys), list(values), [None] * size
        )
        at += size


def lookup_costs(symbols: int) -> dict[str, float]:
    """Microseconds of CPU of one lookup, median of five."""
    instruments = Instruments(256)
    documents = [orjson.loads(record) for record in records(symbols, symbols)]
    instruments.take([Arrived(document, int(time.time() * 1000), 0, 0) for document in documents], time.monotonic())
    lookup = Lookup(instruments, Idle(), Trust(3600.0), features=CORE_FEATURES, history_size=256, topic=TOPIC)
    document, symbol = documents[-1], documents[-1]["symbol"]
    calls = {
        "five values into a new dictionary": lambda: {name: document[name] for name in CORE_FEATURES},
        "features(symbol)": lambda: lookup.features(symbol),
        "features(symbol, venue)": lambda: lookup.features(symbol, "binance-usdm"),
        "latest(symbol)": lambda: lookup.latest(symbol),
    }
    return {
        name: median(timeit.repeat(call, timer=time.process_time, number=_LOOKUPS // 5, repeat=5))
        / (_LOOKUPS // 5)
        * 1e6
        for name, call in calls.items()
    }


def bare_loop(bootstrap: str, partitions: int, count: int) -> None:
    """Consume and parse."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(partitions)])
    newest: dict[str, object] = {}
    done = 0
    while done < count:
        for message in consumer.consume(_BATCH, 0.1):
            document = orjson.loads(message.value() or b"")
            newest[document["symbol"]] = document
            done += 1
    consumer.close()


def reader(bootstrap: str, count: int) -> None:
    """The reader, from the beginning of the topic to its end."""
    with FeatureReader(bootstrap, TOPIC, look_back=count, look_back_most=count, start_timeout_s=_MOST_S) as found:
        taken = sum(status.records for name in found.instruments if (status := found.status(name)) is not None)
        if taken != count:
            raise RuntimeError(f"expected {count} records, received {taken}; breaks: {found.breaks()[:3]}")


def contestant(what: str, bootstrap: str, partitions: int, count: int, rate: int) -> None:
    """Run once in this process and print what it showed."""
    if what == "paced":
        print(orjson.dumps([*paced(Run(bootstrap, TOPIC, f"{TOPIC}.paced", partitions, count, rate))]).decode())
        return
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    if what == "reader":
        reader(bootstrap, count)
    else:
        bare_loop(bootstrap, partitions, count)
    took_s, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(orjson.dumps([count / took_s, cpu_s / count * 1e6, after.ru_maxrss / 1024]).decode())


def load(bootstrap: str, partitions: int, count: int, symbols: int, console: Console) -> None:
    """Write the topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, partitions, 1, config={"retention.ms": "-1"})])[TOPIC].result(30)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    made = track(records(count, symbols), "writing the records", count, console=console)
    places: dict[str, int] = {}
    for number, value in enumerate(made):
        symbol = orjson.loads(value)["symbol"]
        producer.produce(TOPIC, value, symbol.encode(), places.setdefault(symbol, len(places) % partitions))
        if number % _BATCH == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise RuntimeError(f"expected the records to be written, {left} were not")


def rates(given: argparse.Namespace, console: Console) -> tuple[dict[str, list[Rate]], Paced]:
    """All contestants in turns, and a paced run."""
    found: dict[str, list[Rate]] = {"loop": [], "reader": []}
    with KafkaServer() as server:
        load(server.bootstrap_servers, given.partitions, given.records, given.symbols, console)
        shape = [server.bootstrap_servers, *map(str, (given.partitions, given.records, given.rate))]
        for what in track([*found] * given.rounds, "reading in turns", console=console):
            found[what].append(Rate(*run(what, shape)))
        return found, Paced(*run("paced", shape))


def run(what: str, shape: list[str]) -> list[float]:
    """What a contestant printed."""
    command = [sys.executable, "-m", "benchmarks.reader", "--as", what, *shape]
    numbers: list[float] = orjson.loads(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=_MOST_S).stdout
    )
    return numbers


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=20_000, help="records a second of the paced run")
    shape = ("WHAT", "BOOTSTRAP", "PARTITIONS", "RECORDS", "RATE")
    parser.add_argument("--as", nargs=len(shape), metavar=shape, dest="contestant")
    given = parser.parse_args()
    if given.contestant:
        what, bootstrap, *numbers = given.contestant
        contestant(what, bootstrap, *map(int, numbers))
        return
    console = Console(width=110)
    costs = lookup_costs(given.symbols)
    base = next(iter(costs.values()))
    table = Table(title="one lookup")
    for column in ("", "us", "x"):
        table.add_column(column, justify="right" if column else "left")
    for name, cost in costs.items():
        table.add_row(name, f"{cost:.2f}", f"{cost / base:.1f}")
    console.print(table)
    found, keeping_up = rates(given, console)
    slow = median(rate.cpu_us for rate in found["loop"])
    table = Table(
        title=f"{given.records:,} records of {given.symbols} symbols on a real Kafka, median of {given.rounds}"
    )
    for column in ("", "records/s", "CPU us/record", "records/s on one core", "x loop", "peak RSS MB"):
        table.add_column(column, justify="right" if column else "left")
    names = {"loop": "loop: consume, orjson.loads", "reader": "FeatureReader"}
    for what, runs in found.items():
        cpu_us = median(run.cpu_us for run in runs)
        table.add_row(
            names[what],
            f"{median(run.per_second for run in runs):,.0f}",
            f"{cpu_us:.1f}",
            f"{1e6 / cpu_us:,.0f}",
            f"{slow / cpu_us:.2f}",
            f"{max(run.peak_mb for run in runs):.0f}",
        )
    console.print(table)
    console.print(
        f"at {keeping_up.per_second:,.0f} records/s the reader takes {keeping_up.share:.0%} of a core; behind when the last record "
        f"was acknowledged: {keeping_up.behind:,.0f} records, {1000 * keeping_up.caught_up_s:.0f} ms later none; the newest "
        f"record of an instrument is {keeping_up.age_p50_ms:.0f} ms old (p50), {keeping_up.age_p99_ms:.0f} ms (p99)"
    )


if __name__ == "__main__":
    main()
