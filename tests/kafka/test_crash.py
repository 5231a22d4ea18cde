"""kill -9: what was written and not counted by a recovery point is neither lost nor there twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.broker import Broker
from tests.deployment import PARTITIONS, Deployment
from tests.kafka.test_end_to_end import expected, feed, market, read, written
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


def count(deployment: Deployment) -> int:
    """Records so far."""
    ends = Broker(deployment.servers).offsets(deployment.metrics, range(PARTITIONS))
    return sum(end for _, end in ends.values())


def kill(deployment: Deployment, more: int, *arguments: str) -> None:
    """Start the job and kill it once it has written `more` records than there were."""
    before = count(deployment)
    with deployment.running(*arguments) as process:
        deadline = time.monotonic() + 30
        while count(deployment) < before + more:
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_crash_before_the_first_recovery_point_repeats_nothing(deployment: Deployment) -> None:
    feed(deployment, market())
    for more in (1, 0):  # the second run finds what the first one wrote, and may be killed before it writes anything
        kill(deployment, more, "--epoch-interval-ms", "600000")
    deployment.run()

    assert written(deployment) == expected(market())


@pytest.mark.slow
def test_crashes_at_random_lose_nothing_and_repeat_nothing(deployment: Deployment) -> None:
    rng = random.Random(3)
    messages = 60_000
    deployment.send(0, messages)
    bad = Producer({"bootstrap.servers": deployment.servers})
    for number in range(messages // 50):
        bad.produce(deployment.raw, b"no json %d" % number, b"k", number % PARTITIONS)
    assert bad.flush(30) == 0
    for _ in range(5):
        kill(deployment, rng.randint(1, messages // 20), "--epoch-interval-ms", "100", "--batch-size", "20")
    half = count(deployment)
    deployment.run()

    assert half < messages
    assert deployment.seqs() == [list(range(1, messages // PARTITIONS + 1))] * PARTITIONS
    faults = [value for _, _, value, _ in read(deployment.servers, deployment.faults)]
    assert sorted(faults, key=lambda value: int((value or b"").rsplit(b" ", 1)[1])) == [
        b"no json %d" % number for number in range(messages // 50)
    ]
