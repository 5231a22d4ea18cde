"""Which of two writers is the newer one, when the journal's partitions do not agree about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from connectors.broker import Broker
from connectors.journal import Standing, Start
from dataflows.journaling import Journaling
from dataflows.shards import Shard
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics

PARTITIONS = 4


class Writers:
    """Processes that claim partitions in a given order."""

    def __init__(self, broker: Broker, topic: str, stack: ExitStack) -> None:
        self._broker = broker
        self._topic = topic
        self._stack = stack

    def make(self) -> Journaling:
        return self._stack.enter_context(Journaling(self._broker, self._topic).opened())

    @staticmethod
    def claim(writer: Journaling, shard: Shard, *partitions: int) -> None:
        starts = {p: Start(Standing(1, 0, 0, 0), str(shard), {}, fresh=True) for p in partitions}
        writer._claims = {**writer._claims, **writer._journal.start(starts)}


@pytest.fixture
def writers(kafka: Kafka, topics: Topics) -> Iterator[Writers]:
    with ExitStack() as stack:
        yield Writers(Broker(kafka.bootstrap_servers), topics.create("journal", partitions=PARTITIONS), stack)


def superseded(writer: Journaling) -> dict[int, bool]:
    return {partition: writer.superseded(partition) for partition in sorted(writer._claims)}


def test_the_one_that_began_later_is_the_newer_one(writers: Writers) -> None:
    first, second = writers.make(), writers.make()
    writers.claim(first, Shard(), 0, 1, 2, 3)
    writers.claim(second, Shard(), 0, 1, 2, 3)

    assert superseded(first) == dict.fromkeys(range(PARTITIONS), True)
    assert superseded(second) == dict.fromkeys(range(PARTITIONS), False)


def test_of_two_that_begin_at_once_exactly_one_gives_way_on_all_partitions(writers: Writers) -> None:
    one, other = writers.make(), writers.make()
    writers.claim(one, Shard(), 0)
    writers.claim(other, Shard(), 0, 1, 3)
    writers.claim(one, Shard(), 1, 2, 3)
    writers.claim(other, Shard(), 2)

    assert superseded(one) == dict.fromkeys(range(PARTITIONS), True)
    assert superseded(other) == dict.fromkeys(range(PARTITIONS), False)


def test_shards_of_another_layout_meet_on_their_own_lowest_partition(writers: Writers) -> None:
    whole, odd = writers.make(), writers.make()
    writers.claim(odd, Shard(1, 2), 1)
    writers.claim(whole, Shard(), 0, 1, 2, 3)
    writers.claim(odd, Shard(1, 2), 3)

    assert superseded(odd) == {1: True, 3: True}
    assert superseded(whole) == dict.fromkeys(range(PARTITIONS), False)


def test_a_newer_shard_of_another_layout_takes_its_own_partitions_only(writers: Writers) -> None:
    whole, odd = writers.make(), writers.make()
    writers.claim(whole, Shard(), 0, 1, 2, 3)
    writers.claim(odd, Shard(1, 2), 1, 3)

    assert superseded(whole) == {0: False, 1: True, 2: False, 3: True}
    assert superseded(odd) == {1: False, 3: False}
