"""Where a message's microseconds go: ``python -m benchmarks.steps``.

CPU time of the job's own steps without Kafka and Bytewax: decode, measure (buckets included), encode (the text; of full books the
stateless metrics, too). Each number is the best of some rounds over the same polls; ``ORDERBOOK_PURE=1`` shows plain Python. What ``make bench``
measures beyond their sum is Kafka's clients, Bytewax and recovery.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

import kernels
from benchmarks.workload import WORKLOADS, Message
from connectors.decode import Decoder
from connectors.decoded import BookGroups, Group
from connectors.raw import Fault, RawBatch
from dataflows.buckets import Buckets, bucket_of
from dataflows.counts import Counts
from dataflows.execution import rare_collections
from dataflows.memories import Bucket
from dataflows.pipeline import AnyMeasured, Pipeline
from dataflows.shelf import Shelf
from orderbook import MeasureConfig, meters

_PARTITIONS: Final = 4
_SNAPSHOTS_WITHIN: Final = 50
"""So many messages an instrument has a market of full books until all of them have had their snapshots."""


class Case(NamedTuple):
    """Which messages, of how many instruments, how many a poll."""

    workload: str
    symbols: int
    poll: int


CASES: Final = (
    Case("depth20", 20, 2_000),
    Case("depth20", 2_000, 2_000),
    Case("depth20", 20, 100),
    Case("depth20", 20, 10),
    Case("diff", 20, 2_000),
    Case("diff", 500, 2_000),
)


class Costs(NamedTuple):
    """CPU time, us: of the steps for a message, and of all of them for one that becomes a record."""

    decode: float
    measure: float
    encode: float
    record: float


def costs(case: Case, messages: int, rounds: int) -> Costs:
    """The best of some rounds; messages before the counted ones only warm up: full books get their snapshots in them."""
    first = _SNAPSHOTS_WITHIN * case.symbols if case.workload == "diff" else messages // 2
    every = list(WORKLOADS[case.workload](first + messages, case.symbols, _PARTITIONS))
    before, told = polls(every[:first], case.poll, 0), polls(every[first:], case.poll, first)
    with rare_collections():  # as in the job
        found = [_round(before, told, messages) for _ in range(rounds)]
    return Costs(*map(min, zip(*found, strict=True)))


def polls(messages: Iterable[Message], size: int, offset: int) -> list[RawBatch]:
    """Messages as the source would give them."""
    left, batches = iter(messages), []
    while part := list(islice(left, size)):
        batch = RawBatch("depth.raw")
        for number, message in enumerate(part, offset):
            batch.append(message.value, key=message.key, partition=message.partition, offset=number)
        offset += len(part)
        batches.append(batch)
    return batches


def _round(before: list[RawBatch], told: list[RawBatch], messages: int) -> tuple[float, ...]:
    pipeline = Pipeline(Decoder(books_by=None if meters.KERNEL is None else bucket_of), MeasureConfig(), Counts())
    keyed = Keyed(pipeline)
    _spent(pipeline, keyed, before)
    records = pipeline.counts.records
    spent = [seconds * 1e6 for seconds in _spent(pipeline, keyed, told)]
    return (*(each / messages for each in spent), sum(spent) / (pipeline.counts.records - records))


class Keyed:
    """The keyed step, and what puts items into buckets before it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._buckets = Buckets()
        self._memories: dict[str, Bucket] = {}

    def measure(self, items: list[Group | BookGroups]) -> list[AnyMeasured]:
        """Measure what was decoded."""
        measured: list[AnyMeasured] = []
        for key, lot in self._buckets.lots(items):
            if key not in self._memories:
                self._memories[key] = Bucket(self._pipeline, Shelf())
            measured += [item for item in self._memories[key].measure(lot) if not isinstance(item, Fault)]
        return measured


def _spent(pipeline: Pipeline, keyed: Keyed, batches: list[RawBatch]) -> list[float]:
    """CPU seconds of each step."""
    clock, spent = time.process_time, [0.0, 0.0, 0.0]
    for batch in batches:
        begin = clock()
        items = [item for item in pipeline.decode([batch]) if not isinstance(item, Fault)]
        decoded = clock()
        measured = keyed.measure(items)
        taken = clock()
        pipeline.encode(measured)
        for step, seconds in enumerate((decoded - begin, taken - decoded, clock() - taken)):
            spent[step] += seconds
    return spent


def main() -> None:
    """Parse the arguments; print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    table = Table(title=f"CPU us a message, {kernels.kind()} loops, best of {given.rounds} rounds")
    for name in ("messages", "instruments", "a poll", "decode", "measure", "encode", "sum", "sum, a record"):
        table.add_column(name, justify="left" if name == "messages" else "right")
    for case in CASES:
        found = costs(case, given.messages, given.rounds)
        numbers = (*found[:3], sum(found[:3]), found.record)
        table.add_row(case.workload, f"{case.symbols:,}", f"{case.poll:,}", *(f"{number:.2f}" for number in numbers))
    console = Console() if sys.stdout.isatty() else Console(width=110)
    console.print(table)
    console.print(f"{platform.machine()}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
