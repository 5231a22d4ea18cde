"""What the benchmarks' command lines have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kafka_dist import KafkaUnavailableError


def positive(text: str) -> int:
    """A whole number of 1 or more, as argparse wants it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, received {text!r}")
    return int(text)


@contextmanager
def kafka_wanted() -> Iterator[None]:
    """Without Java or Maven the program ends in the block, and says what is missing."""
    try:
        yield
    except KafkaUnavailableError as error:
        raise SystemExit(f"expected Java 17+ and Maven, to run a real Kafka; received: {error}") from error
