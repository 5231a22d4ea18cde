"""``make bench``: the job beside bare loops and what others would have built, on a real Kafka, in turns, in one run.

Each contestant first runs over few messages: that tells what its start costs, and what it wrote is compared with what the
job wrote, number by number. Then all run over the whole input in turns, as many rounds as are asked for.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track

from benchmarks.agreement import Metrics, disagreements, metrics
from benchmarks.arguments import add_broker_folder, kafka_wanted, positive
from benchmarks.contestants import OURS, Contestant, contestants
from benchmarks.histograms import Watcher
from benchmarks.machine import described
from benchmarks.peers.environments import PeerUnavailableError
from benchmarks.report import Findings, Result, as_markdown, as_page, on_terminal
from benchmarks.stage import Input, Stage
from benchmarks.throughput import Sample
from benchmarks.workload import SYMBOLS, WORKLOADS
from tests.kafka_server import KafkaServer, free_ports

_SHORT: Final = 4_000
_PAGE: Final = Path(__file__).with_name("report.html")


class Bench:
    """The contestants of one run of this program, on one broker.

    Attributes:
        remarks: what the report must say besides the figures.
    """

    def __init__(self, stage: Stage, given: argparse.Namespace) -> None:
        self._stage = stage
        self._given = given
        self.remarks: list[str] = []
        self._pauses: dict[str, list[float]] = {}

    def starts(self, wanted: list[Contestant], few: Input) -> Iterator[tuple[Contestant, Sample]]:
        """What a start costs each; those that can't run here are left out, those that compute something else are an error."""
        expected: Metrics = {}
        # The job comes first: what it computes is what the others must.
        for contestant in sorted(wanted, key=lambda each: not each.name.startswith(OURS)):
            found: list[Metrics] = []
            compared = contestant.computes and self._given.workload == "depth20"
            read = (lambda records, found=found: found.append(metrics(records))) if compared else None
            try:
                sample = self._stage.sample(contestant, few, read=read)
            except PeerUnavailableError as error:
                self.remarks.append(f"SKIPPED {contestant.name}: {error}")
                continue
            if found:
                expected = expected or found[0]
                agree(contestant, expected, found[0])
            yield contestant, sample

    def sample(self, contestant: Contestant, whole: Input) -> Sample:
        """One run over the whole input; of the job, with differences, also how long it stands still at ends of epochs."""
        if self._given.workload != "diff" or not contestant.name.startswith(OURS) or "shards" in contestant.name:
            return self._stage.sample(contestant, whole)
        address = f"127.0.0.1:{free_ports(1)[0]}"
        watcher = Watcher(address, "epoch_pause")
        sample = self._stage.sample(contestant, whole, metrics_addr=address, on_look=watcher.look)
        if (p99_ms := watcher.p99_ms()) is not None:
            self._pauses.setdefault(contestant.name, []).append(p99_ms)
        return sample

    def all_remarks(self, results: list[Result], few: Input, whole: Input) -> Iterator[str]:
        """What was skipped, what is true of the figures, what they were measured on."""
        yield from self.remarks
        names = [result.contestant.name for result in results]
        if sum(result.contestant.computes for result in results) > 1 and self._given.workload == "depth20":
            yield f"the eight metrics of {few.messages:,} messages were compared with the job's: all agree within 1e-9"
        for name, pauses in self._pauses.items():
            yield f"{name}: 99 of 100 ends of epochs stood still for at most {max(pauses):g} ms, the first books' included"
        if whole.records != whole.messages:
            yield f"{whole.records:,} of the messages are depth and give a record each, the others are trades and snapshots"
            for result in (result for result in results if result.contestant.computes):
                depth = [rate * whole.records / whole.messages for rate in result.rate()]
                yield "{}: {:,.0f} ({:,.0f} .. {:,.0f}) depth messages/s".format(result.contestant.name, *depth)
        yield from described(names, self._given.broker_folder)


def chosen(given: argparse.Namespace) -> list[Contestant]:
    """Those that are asked for and know this workload."""
    every = [each for each in contestants(given.shards) if given.workload in each.workloads]
    if unknown := set(given.only or ()) - {contestant.name for contestant in every}:
        names = ", ".join(f'"{contestant.name}"' for contestant in every)
        raise SystemExit(
            f"--only: with --workload {given.workload} expected some of {names}, received {sorted(unknown)}"
        )
    return [contestant for contestant in every if not given.only or contestant.name in given.only]


def agree(contestant: Contestant, expected: Metrics, received: Metrics) -> None:
    """Say clearly, and end, when it computed something else."""
    if wrong := disagreements(expected, received):
        raise SystemExit(
            f"{contestant.name} computes something else, {len(wrong)} numbers of {8 * len(expected)}; the first: {wrong[0]}"
        )


def turns(contestants: list[Contestant], rounds: int) -> list[Contestant]:
    """Everyone once a round, beginning with another one each time."""
    return [
        contestants[(place + number) % len(contestants)]
        for number in range(rounds)
        for place in range(len(contestants))
    ]


def measure(wanted: list[Contestant], given: argparse.Namespace, console: Console) -> Findings:
    """Start the broker, load, run everything."""
    with (
        tempfile.TemporaryDirectory(prefix="obi-bench-") as folder,
        KafkaServer(folder=given.broker_folder) as server,
    ):
        stage = Stage(server.bootstrap_servers, given.partitions, Path(folder), server.pid)
        bench = Bench(stage, given)
        make = WORKLOADS[given.workload]
        few = stage.load("raw-few", islice(make(_SHORT, given.symbols, given.partitions), given.messages))
        load = make(given.messages, given.symbols, given.partitions)
        whole = stage.load("raw", track(load, "writing the input", given.messages, console=console))
        starting = track(bench.starts(wanted, few), "starting each once", len(wanted), console=console)
        starts = {contestant.name: (contestant, sample) for contestant, sample in starting}
        ready = [contestant for contestant in wanted if contestant.name in starts]
        samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in ready}
        for contestant in track(turns(ready, given.rounds), "running in turns", console=console):
            samples[contestant.name].append(bench.sample(contestant, whole))
        results = [Result(contestant, starts[contestant.name][1], samples[contestant.name]) for contestant in ready]
        title = (
            f"{whole.messages:,} {given.workload} messages, {given.symbols:,} symbols, {given.partitions} partitions, "
            f"real Kafka, {given.rounds} rounds: median (lowest .. highest)"
        )
        return Findings(title, results, [*bench.all_remarks(results, few, whole)])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="make bench", description=__doc__)
    made.add_argument("--workload", choices=WORKLOADS, default="depth20", help="diff: full books with trades")
    made.add_argument("--messages", type=positive, default=400_000)
    made.add_argument(
        "--symbols", type=positive, help=f"{SYMBOLS['depth20']} by default, {SYMBOLS['diff']} with --workload diff"
    )
    made.add_argument("--partitions", type=positive, default=4)
    made.add_argument("--rounds", type=positive, default=5)
    made.add_argument("--shards", type=positive, default=1, help="the job in so many processes as well")
    made.add_argument("--only", action="append", metavar="NAME", help="run only this contestant (repeatable)")
    made.add_argument("--markdown", action="store_true", help="print the table as the README has it, too")
    add_broker_folder(made)
    return made


def main() -> None:
    """Measure and tell."""
    given = parser().parse_args()
    given.symbols = given.symbols or SYMBOLS[given.workload]
    console = Console() if sys.stdout.isatty() else Console(width=150)
    with kafka_wanted():
        findings = measure(chosen(given), given, console)
    on_terminal(console, findings)
    _PAGE.write_text(as_page(findings), encoding="utf-8")
    if given.markdown:
        print(as_markdown(findings))
    console.print(f"the report with plots: {_PAGE}", soft_wrap=True)


if __name__ == "__main__":
    main()
