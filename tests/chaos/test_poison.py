"""A malformed message in every position: it costs one fault, and the records around it are what they are without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from benchmarks.workload import depth20
from connectors.raw import RawBatch
from tests.chaos.feeder import Feeder
from tests.chaos.judge import ledger, read_faults
from tests.chaos.workloads import PARTITIONS, POISON, Message
from tests.deployment import Deployment
from tests.kafka.test_end_to_end import expected, read, without_source

LENGTH = 40
BATCH = 7


def sound() -> list[Message]:
    """One stretch an instrument, one after the other, each one shorter than there are positions for the poison."""
    stretches = LENGTH + 1
    # With a receive time of its own: else the record has Kafka's, which nobody knows beforehand.
    messages = [
        Message(message.key, message.value, message.partition, [("recv_ns", b"%d" % number)])
        for number, message in enumerate(depth20(stretches * LENGTH, stretches, PARTITIONS))
    ]
    return sorted(messages, key=lambda message: message.key or b"")  # stable: an instrument keeps its order


def with_poison() -> Iterator[Message]:
    """The first instrument's stretch begins with a malformed message, the second one has it second, the last one last."""
    messages = iter(sound())
    for position in range(LENGTH + 1):
        stretch = [next(messages) for _ in range(LENGTH)]
        case = POISON[position % len(POISON)]
        poison = Message(case.key, case.value, stretch[0].partition, list(case.headers or []))
        yield from [*stretch[:position], poison, *stretch[position:]]


@pytest.mark.slow
def test_a_malformed_message_in_every_position_is_one_fault_and_shows_nowhere_else(
    beside: Callable[[], Deployment],
) -> None:
    deployment = beside()
    Feeder(deployment.servers, deployment.raw, with_poison()).feed()
    deployment.run(f"--batch-size={BATCH}")

    raw = RawBatch(deployment.raw)
    for message in sound():
        raw.append(message.value, key=message.key, headers=message.headers)
    records: dict[bytes, list[bytes]] = {}
    for _, key, value, _ in read(deployment.servers, deployment.metrics):
        records.setdefault(key or b"", []).append(without_source(value or b""))
    assert sum(map(len, ledger(read_faults(deployment)).values())) == LENGTH + 1
    assert records == expected([raw])
