"""The whole job in transactions: kill -9 as often as one likes, and a committed reader sees each record once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import orjson
import pytest

from tests.kafka.conftest import Kafka
from tests.kafka.test_runner import PARTITIONS, Deployment, whole
from tests.kafka.written import messages
from tests.kafka_topics import Topics


def seqs(deployment: Deployment) -> list[list[int]]:
    """Sequence numbers of each output partition, as far as they are committed."""
    return [
        [
            orjson.loads(message.value() or b"")["seq"]
            for message in messages(deployment.servers, deployment.metrics, part)
        ]
        for part in range(PARTITIONS)
    ]


@pytest.mark.slow
def test_crashes_at_random_lose_nothing_and_repeat_nothing(kafka: Kafka, topics: Topics, tmp_path: Path) -> None:
    rng = random.Random(5)
    deployment = Deployment(kafka.bootstrap_servers, topics, tmp_path)
    count = 24_000
    deployment.send(0, count)
    arguments = ("--delivery", "transactional", "--transaction-interval-ms", "10", "--epoch-interval-ms", "100")
    for _ in range(3):
        before = sum(map(len, seqs(deployment)))
        with deployment.running(*arguments, "--batch-size", "20") as process:
            deadline = time.monotonic() + 30
            while sum(map(len, seqs(deployment))) < before + rng.randint(1, count // 8):
                assert process.poll() is None
                assert time.monotonic() < deadline
            process.kill()
            process.wait()
    assert sum(map(len, seqs(deployment))) < count
    deployment.run(*arguments)

    assert seqs(deployment) == whole(count)
