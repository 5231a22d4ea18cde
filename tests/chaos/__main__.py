"""`make chaos`: the big runs on a broker of their own, each judged beside an undisturbed one; the figures as a table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from signal import SIGKILL
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

from tests.chaos.crash_at import POINTS
from tests.chaos.disturbances import Kind
from tests.chaos.feeder import Feeder
from tests.chaos.judge import Judge, Verdict
from tests.chaos.points import crash
from tests.chaos.scenario import DELIVERIES, Scenario, run, undisturbed
from tests.chaos.two_writers import race
from tests.chaos.workloads import PARTITIONS, STRETCH, WORKLOADS
from tests.deployment import Deployment
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

PARTS: Final = ("runs", "points", "writers")
NOTICED_WITHIN_S: Final = 3.0
"""Of idempotent writers; one that is fenced has not written beside the other."""


class Row(NamedTuple):
    """One line of the table: what was done, what the judge said, how long it took, and what else is worth knowing."""

    name: str
    done: Mapping[Kind, int]
    verdict: Verdict
    seconds: float
    well: bool
    remark: str = ""


class Suite:
    """Everything that is run, on one broker.

    Args:
        given: the arguments of the command line.
        server: the broker.
        folder: for state and logs.
    """

    def __init__(self, given: argparse.Namespace, server: KafkaServer, folder: Path) -> None:
        self._given = given
        self._server = server
        self._folder = folder
        self._deployed = 0

    def rows(self) -> Iterator[Row]:
        """One after the other, as they come out."""
        given = self._given
        if "runs" in given.parts:
            for delivery, workload in product(given.delivery, given.workload):
                yield self._run(workload, delivery)
        if "points" in given.parts:
            for delivery, workload in product(given.delivery, given.workload):
                yield from self._points(workload, delivery)
        if "writers" in given.parts:
            for delivery in given.delivery:
                for number in range(given.races):
                    yield self._writers(delivery, number + 1)

    def _run(self, workload: str, delivery: str) -> Row:
        given, server = self._given, self._server
        numbers = {
            Kind.KILL: given.kills,
            Kind.TERMINATION: given.terminations,
            Kind.BROKER_KILL: given.broker_kills,
            Kind.BROKER_FREEZE: given.broker_freezes,
        }
        scenario = Scenario(
            workload, given.messages, numbers, shards=given.shards, delivery=delivery, seed=given.seed, rate=given.rate
        )
        topics = Topics(server.bootstrap_servers)
        outcome = run(scenario, server.bootstrap_servers, topics, self._next(), server)
        topics.delete()
        remark = (
            f"disturbances by tenth of the run {' '.join(map(str, outcome.tenths))}; "
            f"{outcome.fruitless} starts ended before they wrote; {outcome.failures} ends with 3"
        )
        name = f"{workload}, {delivery}, {given.shards} shards, {given.messages:,} messages"
        return Row(name, outcome.done, outcome.judgement.total, outcome.seconds, outcome.judgement.same, remark)

    def _points(self, workload: str, delivery: str) -> Iterator[Row]:
        topics = Topics(self._server.bootstrap_servers)
        stretch = self._deployment(topics)
        Feeder(stretch.servers, stretch.raw, WORKLOADS[workload](STRETCH[workload], self._given.seed)).feed()
        judge = undisturbed(stretch, topics)
        for point in POINTS:
            yield self._point(self._deployment(topics, stretch.raw), judge, point, f"{workload}, {delivery}")
        topics.delete()

    @staticmethod
    def _point(deployment: Deployment, judge: Judge, point: str, of: str) -> Row:
        """Twice at the same point: the second time on what the first crash left."""
        begun = time.monotonic()
        delivery = f"--delivery={of.rpartition(' ')[2]}"
        # A job comes to the parts of its start once, and to few checkpoints.
        counts = (1, 1) if point.startswith(("state", "journal")) else (2, 1)
        codes = [crash(deployment, point, count, [delivery]) for count in counts]
        deployment.run(delivery)
        judgement = judge.judge(deployment)
        hit = codes.count(-SIGKILL)
        well = judgement.same and hit == len(codes)
        return Row(f"{of}: {point}", {Kind.KILL: hit}, judgement.total, time.monotonic() - begun, well)

    def _writers(self, delivery: str, number: int) -> Row:
        topics = Topics(self._server.bootstrap_servers)
        raced = race(self._deployment(topics), topics, [f"--delivery={delivery}"])
        topics.delete()
        well = (
            raced.judgement.same_without_copies
            and raced.exit_code == 3
            and raced.other_went_on
            and (delivery == "transactional" or raced.seconds < NOTICED_WITHIN_S)
        )
        remark = f"exit code {raced.exit_code} after {raced.seconds:.2f} s, the other went on: {raced.other_went_on}"
        return Row(f"two writers, {delivery}, {number}", {}, raced.judgement.total, raced.seconds, well, remark)

    def _deployment(self, topics: Topics, raw: str | None = None) -> Deployment:
        return Deployment(self._server.bootstrap_servers, topics, self._next(), partitions=PARTITIONS, raw=raw)

    def _next(self) -> Path:
        self._deployed += 1
        return self._folder / str(self._deployed)


def report(console: Console, rows: list[Row]) -> None:
    """Print the table."""
    table = Table(title="Disturbed runs beside undisturbed ones: records and faults")
    table.add_column("")
    figures = ("expected", "lost", "duplicated", "different", "out of order", "seconds", "")
    for column in (*(kind.value for kind in Kind), *figures):
        table.add_column(column, justify="right")
    for row in rows:
        verdict = row.verdict
        counts = (verdict.expected, verdict.lost, verdict.duplicated, verdict.different, verdict.out_of_order)
        done = (str(row.done.get(kind, 0)) for kind in Kind)
        answer = "same" if row.well else "NOT THE SAME"
        table.add_row(row.name, *done, *map(str, counts), f"{row.seconds:.1f}", answer)
    console.print(table)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores (broker on the same ones), {platform.python_version()}"
    )


def arguments() -> argparse.ArgumentParser:
    """What may be said; without a word, all that is promised."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000, help="raw messages of each run")
    parser.add_argument("--kills", type=int, default=100, help="kill -9 of a shard in each run")
    parser.add_argument("--broker-kills", type=int, default=3)
    parser.add_argument("--broker-freezes", type=int, default=1, help="for 10 s each")
    parser.add_argument("--terminations", type=int, default=5, help="SIGTERMs of a shard in each run")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--rate", type=float, default=8_000, help="messages a second that are fed, at most")
    parser.add_argument("--races", type=int, default=3, help="of two writers, for each delivery")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delivery", nargs="+", choices=DELIVERIES, default=DELIVERIES)
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=tuple(WORKLOADS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--keep", type=Path, help="a folder where state and logs stay, for whoever looks for a reason")
    return parser


def main() -> int:
    """Run everything; 1 when anything was not the same."""
    given = arguments().parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=200)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="obi-chaos-") as folder, KafkaServer() as server:
        for row in Suite(given, server, given.keep or Path(folder)).rows():
            rows.append(row)
            console.print(f"{row.name}: {row.verdict}", f"in {row.seconds:.1f} s", row.remark, highlight=False)
    report(console, rows)
    return 0 if all(row.well for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
