"""Raw messages that retention took before they were read: never passed over in silence."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.chaos.feeder import Feeder
from tests.chaos.workloads import Message, partial_books
from tests.deployment import Deployment, record
from tests.kafka_reading import Read, read_topic

MESSAGES = 2_000
KEPT = 100
TAKEN = (0, 2)
"""Partitions that retention has taken something from."""


def feed(deployment: Deployment, messages: list[Message]) -> None:
    Feeder(deployment.servers, deployment.raw, messages).feed()


def ends(deployment: Deployment) -> list[int]:
    """Of the raw topic's partitions."""
    counts = [0] * deployment.partitions
    for message in read_topic(deployment.servers, deployment.raw):
        counts[message.partition] = message.offset + 1
    return counts


def take(deployment: Deployment, before: dict[int, int]) -> None:
    """Delete what lies before these offsets, as retention does."""
    admin = AdminClient({"bootstrap.servers": deployment.servers})
    parts = [TopicPartition(deployment.raw, partition, offset) for partition, offset in before.items()]
    for future in admin.delete_records(parts).values():
        future.result(30)


def reason(fault: Read) -> str:
    return dict(fault.headers)["obi.reason"].decode()


@pytest.mark.slow
def test_lost_messages_are_counted_and_a_loss_that_is_accepted_is_one_fault_a_partition(
    beside: Callable[[], Deployment],
) -> None:
    deployment = beside()
    messages = list(islice(partial_books(2 * MESSAGES, 5), 2 * MESSAGES))
    feed(deployment, messages[:MESSAGES])
    deployment.run()
    read_to = ends(deployment)
    feed(deployment, messages[MESSAGES:])
    earliest = {partition: ends(deployment)[partition] - KEPT for partition in TAKEN}
    take(deployment, earliest)

    said = deployment.run(code=3)
    for partition, first in earliest.items():
        assert f"partition {partition}: expected to read on at offset {read_to[partition]}" in said
        assert f"{first - read_to[partition]} messages were deleted" in said
    deployment.run("--accept-loss")
    deployment.run()

    faults = list(read_topic(deployment.servers, deployment.faults))
    assert [fault.partition for fault in faults if reason(fault) == "offsets_lost"] == list(TAKEN)
    answered = [
        (message.partition, record(message.value)["source"]["offset"])
        for message in read_topic(deployment.servers, deployment.metrics)
    ]
    answered += [
        (fault.partition, int(dict(fault.headers)["obi.offset"])) for fault in faults if reason(fault) != "offsets_lost"
    ]
    lost = {(partition, offset) for partition in TAKEN for offset in range(read_to[partition], earliest[partition])}
    whole = {(partition, offset) for partition, end in enumerate(ends(deployment)) for offset in range(end)}
    assert sorted(answered) == sorted(whole - lost)
