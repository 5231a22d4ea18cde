"""What is fed to a job that is disturbed: seeded, in an order that is fixed for each partition, malformed messages among it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from benchmarks.workload import depth20
from connectors.raw import Headers
from connectors.raw_topic import partition_of
from simulator import Dirt, default_instruments, simulate
from tests.corpus.malformed import MALFORMED

PARTITIONS: Final = 4
SYMBOLS: Final = 20
INSTRUMENTS: Final = 12
SNAPSHOT_EVERY_S: Final = 10.0
MALFORMED_EVERY: Final = 40
STRETCH: Final[Mapping[str, int]] = {"partial books": 4_000, "rebuilt books": 20_000}
"""Messages of a run that crashes at a point: so many that two checkpoints of its books are worth their bytes."""
_BROKER_LIMIT_BYTES: Final = 100_000
POISON: Final = tuple(case for case in MALFORMED if len(case.value or b"") < _BROKER_LIMIT_BYTES)


class Message(NamedTuple):
    """One raw message to be."""

    key: bytes | None
    value: bytes | None
    partition: int
    headers: Headers


def partial_books(messages: int, seed: int) -> Iterator[Message]:
    """Partial depth of 20 instruments on 4 partitions, about 1 kB each."""
    sound = (Message(each.key, each.value, each.partition, []) for each in depth20(messages, SYMBOLS, PARTITIONS, seed))
    return islice(poisoned(sound, seed), messages)


def rebuilt_books(messages: int, seed: int) -> Iterator[Message]:
    """Differences, snapshots and trades of 12 instruments, with gaps and repetitions, so that books are lost and found."""
    return islice(poisoned(_market(seed), seed), messages)


WORKLOADS: Final[Mapping[str, Callable[[int, int], Iterator[Message]]]] = {
    "partial books": partial_books,
    "rebuilt books": rebuilt_books,
}


def poisoned(messages: Iterable[Message], seed: int) -> Iterator[Message]:
    """The messages, with malformed ones between them at random places."""
    rng = random.Random(seed)
    for message in messages:
        yield message
        if rng.randrange(MALFORMED_EVERY) == 0:
            case = rng.choice(POISON)
            yield Message(case.key, case.value, rng.randrange(PARTITIONS), list(case.headers or []))


def _market(seed: int) -> Iterator[Message]:
    """The simulated market, for as long as anybody listens; what only audits (best prices) is left out."""
    instruments = [
        dataclasses.replace(
            instrument,
            streams=tuple(name for name in instrument.streams if name != "bookTicker"),
            audit_every_s=SNAPSHOT_EVERY_S,
        )
        for instrument in default_instruments(INSTRUMENTS)
    ]
    dirt = Dirt(gap_pct=0.05, duplicate_pct=0.5)
    for event in simulate(instruments, seconds=36_000, seed=seed, dirt=dirt):
        key = f"{event.venue}:{event.symbol}".encode()
        headers = [("recv_ns", b"%d" % event.recv_ns)]
        yield Message(key, event.payload, partition_of(key, PARTITIONS), headers)
