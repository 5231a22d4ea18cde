"""What the peers compute by hand is what the job computes, message by message; no broker is needed to see it."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.agreement import Metrics, disagreements, metrics
from benchmarks.peers.eight import Memory, event, step
from benchmarks.workload import depth20
from tests.benchmarks.measuring import measured, read

MESSAGES = 4_000
SYMBOLS = 8


@pytest.fixture(scope="module")
def ours() -> Metrics:
    return measured(depth20(MESSAGES, SYMBOLS, 1))


def by_hand() -> Metrics:
    memories: dict[bytes, Memory] = {}
    records = []
    for message in depth20(MESSAGES, SYMBOLS, 1):
        data = orjson.loads(message.value)["data"]
        memories[message.key], record = step(memories.get(message.key), data)
        records.append(read(orjson.dumps(record)))
    return metrics(records)


def test_the_eight_metrics_agree(ours: Metrics) -> None:
    assert len(ours) == MESSAGES
    assert len({values[1] for values in ours.values()}) > 100  # the window of aggressive events is at work
    assert disagreements(ours, by_hand()) == []


def test_one_number_that_differs_is_named(ours: Metrics) -> None:
    message, values = next(iter(ours.items()))
    wrong = dict(ours) | {message: (*values[:2], values[2] + 1e-6, *values[3:])}

    (found,) = disagreements(ours, wrong)

    assert (found.symbol, found.update_id, found.metric) == (*message, "bid_ask_spread_pct")


def test_a_missing_record_is_no_agreement(ours: Metrics) -> None:
    fewer = dict(list(ours.items())[1:])

    with pytest.raises(ValueError, match="1 missing"):
        disagreements(ours, fewer)


def test_events_are_those_of_the_worked_numbers() -> None:
    first = [(100.0, 5.0), (99.9, 3.0)], [(100.1, 2.0), (100.2, 3.0), (100.3, 4.0)]
    second = [(100.2, 1.0), (100.1, 4.0)], [(100.3, 4.0)]
    third = [(100.0, 3.0)], [(100.1, 2.0)]

    assert [event(None, first), event(first, second), event(second, third)] == [0.0, 5.0, -5.0]
