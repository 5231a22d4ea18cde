"""What the benchmarks' command lines have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka_dist import KafkaUnavailableError


def positive(text: str) -> int:
    """A whole number of 1 or more, as argparse wants it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, received {text!r}")
    return int(text)


def add_broker_folder(parser: argparse.ArgumentParser) -> None:
    """Where the broker keeps its log: on a disk that it shares with the job's state, unless the user says otherwise."""
    parser.add_argument(
        "--broker-folder",
        type=Path,
        help="of the broker's log; /dev/shm: in memory, as if the broker did not share a disk with the job's state",
    )


@contextmanager
def kafka_wanted() -> Iterator[None]:
    """Without Java or Maven the program ends in the block, and says what is missing."""
    try:
        yield
    except KafkaUnavailableError as error:
        raise SystemExit(f"expected Java 17+ and Maven, to run a real Kafka; received: {error}") from error
