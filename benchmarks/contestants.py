"""Who is compared: a command line each, what it promises, and where it means something else than the others.

Owns names and order. All that compute write the eight metrics of ``orderbook.record.EIGHT_METRICS`` with the same definitions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.peers.environments import quix_python, streams_command
from orderbook.record import FIELDS

BASELINE: Final = "loop, orjson.loads"
TUNED: Final = "loop, orjson.loads, tuned client"
OURS: Final = "obi run"
KAFKA_STREAMS: Final = "Kafka Streams"


@dataclass(frozen=True)
class Place:
    """Where a run happens: the broker, its topics, how much is in them, and a folder and a name of the run's own."""

    bootstrap: str
    raw: str
    out: str
    partitions: int
    messages: int
    folder: Path
    name: str
    metrics_addr: str | None = None


@dataclass(frozen=True)
class Contestant:
    """One of those that are compared.

    Attributes:
        command: the command line of a run; PeerUnavailableError when this machine lacks what it needs.
        delivery: what it promises of records when it is killed and started again.
        differs: where it means something else, or does less or more, than the job.
        computes: whether it writes the eight metrics.
        ends: whether it ends by itself at the end of the raw topic.
        transactional: whether its records become visible with transactions.
        workloads: what it can be given.
    """

    name: str
    command: Callable[[Place], list[str]]
    delivery: str
    differs: str
    computes: bool = True
    ends: bool = True
    transactional: bool = False
    workloads: tuple[str, ...] = ("depth20",)


def _python(module: str, place: Place, *rest: object, python: str = sys.executable) -> list[str]:
    return [python, "-m", module, place.bootstrap, place.raw, place.out, *map(str, rest)]


def _loop(mode: str) -> Callable[[Place], list[str]]:
    return lambda place: _python("benchmarks.loop", place, place.partitions, place.messages, mode)


def _by_hand(place: Place) -> list[str]:
    return _python("benchmarks.peers.by_hand", place, place.partitions, place.messages)


def _stock(place: Place) -> list[str]:
    return _python("benchmarks.peers.stock_bytewax", place)


def _quix(guarantee: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        python = str(cache(quix_python)())
        return _python("benchmarks.peers.quix", place, place.name, place.folder, guarantee, python=python)

    return command


def kafka_streams(place: Place, guarantee: str, commit_ms: str = "default") -> list[str]:
    """The command line of the Kafka Streams job."""
    own = [place.bootstrap, place.raw, place.out, place.name, str(place.folder), guarantee, commit_ms]
    return [*cache(streams_command)(), *own]


def _streams(guarantee: str) -> Callable[[Place], list[str]]:
    return lambda place: kafka_streams(place, guarantee)


def obi_run(place: Place, *flags: str) -> list[str]:
    """The command line of the job: default settings, topics and a state folder of the run's own."""
    topics = {"raw": place.raw, "metrics": place.out, "faults": f"{place.out}.faults"}
    topics["checkpoints"] = f"{place.out}.checkpoints"
    job = [sys.executable, "-m", "obi", "run", "--bootstrap-servers", place.bootstrap]
    job += [part for kind, name in topics.items() for part in (f"--{kind}-topic", name)]
    job += ["--state-dir", str(place.folder / "state")]
    return [*job, *(["--metrics-addr", place.metrics_addr] if place.metrics_addr else []), *flags]


def _ours(*flags: str) -> Callable[[Place], list[str]]:
    return lambda place: obi_run(place, "--until-end", *flags)


_BARE: Final = "nothing is computed, kept or checked"
_NO_CHECKS: Final = "no validation, no states, no faults: a strange message ends it"
_WORSE: Final = f"{_NO_CHECKS}; eight metrics, no other fields"
_OURS: Final = f"the whole record ({len(FIELDS)} fields), every message validated, checkpoints for replays"
_ALL: Final = ("depth20", "diff")


def contestants(shards: int = 1) -> tuple[Contestant, ...]:
    """All of them, in the report's order; with more shards than one, the job in so many processes as well."""
    ours = [
        Contestant(OURS, _ours(), "effectively once", _OURS, workloads=_ALL),
        Contestant(
            f"{OURS}, transactional",
            _ours("--delivery", "transactional"),
            "exactly once, for readers of committed messages",
            _OURS,
            transactional=True,
            workloads=_ALL,
        ),
        Contestant(
            f"{OURS}, lz4",
            _ours("--kafka", "compression.type=lz4"),
            "effectively once",
            f"{_OURS}; compresses its records to a third",
            workloads=_ALL,
        ),
    ]
    if shards > 1:
        several = _ours("--shards", str(shards))
        ours.append(Contestant(f"{OURS}, {shards} shards", several, "effectively once", _OURS, workloads=_ALL))
    return (
        Contestant("loop, no parsing", _loop("pass"), "none", _BARE, computes=False, workloads=_ALL),
        Contestant(BASELINE, _loop("loads"), "none", _BARE, computes=False, workloads=_ALL),
        Contestant(
            TUNED,
            _loop("tuned"),
            "none",
            f"{_BARE}; looks again after 20 ms when its local queue is full, where librdkafka's default is 1 s",
            computes=False,
            workloads=_ALL,
        ),
        Contestant("plain Python by hand", _by_hand, "none", f"{_WORSE}; memory is lost with the process"),
        Contestant(
            "stock Bytewax",
            _stock,
            "none: run without recovery (kinder), failed deliveries are not noticed",
            f"{_WORSE}; chooses output partitions by itself",
        ),
        Contestant("Quix Streams", _quix("at-least-once"), "at least once", _WORSE, ends=False),
        Contestant(
            "Quix Streams, exactly once", _quix("exactly-once"), "exactly once", _WORSE, ends=False, transactional=True
        ),
        Contestant(KAFKA_STREAMS, _streams("at_least_once"), "at least once", _WORSE, ends=False),
        Contestant(
            f"{KAFKA_STREAMS}, exactly once",
            _streams("exactly_once_v2"),
            "exactly once",
            _WORSE,
            ends=False,
            transactional=True,
        ),
        *ours,
    )
