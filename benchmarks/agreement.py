"""Whether two contestants computed the same: the eight metrics of every message, number by number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson

from orderbook.record import EIGHT_METRICS
from tests.kafka_reading import Read

TOLERANCE: Final = 1e-9
"""Of the greater of the two, or of 1: sums of the same numbers in another order differ by less."""

Metrics = Mapping[tuple[str, int], tuple[float, ...]]
"""The eight of each message, by symbol and update id."""


class Disagreement(NamedTuple):
    """One number that is not the same."""

    symbol: str
    update_id: int
    metric: str
    expected: float
    received: float


def metrics(records: Iterable[Read]) -> Metrics:
    """What lies in a metrics topic."""
    found: dict[tuple[str, int], tuple[float, ...]] = {}
    for message in records:
        record = orjson.loads(message.value or b"")
        found[record["symbol"], record["update_id"]] = tuple(record[name] for name in EIGHT_METRICS)
    return found


def disagreements(expected: Metrics, received: Metrics) -> list[Disagreement]:
    """All numbers that differ by more than the tolerance.

    Raises:
        ValueError: the two are not of the same messages.
    """
    if expected.keys() != received.keys():
        missing, strange = expected.keys() - received.keys(), received.keys() - expected.keys()
        raise ValueError(
            f"expected records of {len(expected)} messages, received {len(received)}: {len(missing)} missing "
            f"(as {min(missing, default=None)}), {len(strange)} strange (as {min(strange, default=None)})"
        )
    return [
        Disagreement(*message, name, ours, theirs)
        for message, values in expected.items()
        for name, ours, theirs in zip(EIGHT_METRICS, values, received[message], strict=True)
        if abs(ours - theirs) > TOLERANCE * max(1.0, abs(ours), abs(theirs))
    ]
