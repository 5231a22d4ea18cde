"""A stretch of raw messages on the shared broker with the judge on it, for tests that need no feed of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.feeder import Feeder
from tests.chaos.judge import Judge
from tests.chaos.scenario import undisturbed
from tests.chaos.workloads import PARTITIONS, STRETCH, rebuilt_books
from tests.deployment import Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


class Stretch(NamedTuple):
    """What was fed, and who knows what comes of it."""

    raw: str
    judge: Judge


@pytest.fixture(scope="session")
def stretch(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stretch]:
    """Books rebuilt from differences, trades, and malformed messages among them."""
    topics = Topics(kafka.bootstrap_servers)
    deployment = Deployment(kafka.bootstrap_servers, topics, tmp_path_factory.mktemp("stretch"), partitions=PARTITIONS)
    Feeder(kafka.bootstrap_servers, deployment.raw, rebuilt_books(STRETCH["rebuilt books"], 1)).feed()
    yield Stretch(deployment.raw, undisturbed(deployment, topics))
    topics.delete()


@pytest.fixture
def beside(kafka: Kafka, topics: Topics, tmp_path: Path) -> Callable[..., Deployment]:
    """Makes a deployment with output topics and state of its own, on a raw topic of its own or on the given one."""
    return lambda raw=None: Deployment(kafka.bootstrap_servers, topics, tmp_path, partitions=PARTITIONS, raw=raw)
