"""One real Kafka for the whole run, topics for each test, and a broker of one's own for tests that break it.

A plugin and no conftest.py: the tests on a real broker stand in more than one folder, and all share the one process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.kafka_dist import KafkaUnavailableError, java, libraries
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics
from tests.needs import NO_KAFKA, unmet

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTERNAL = "KAFKA_BOOTSTRAP_SERVERS"
_BROKERS = {"kafka", "own_kafka"}
_unavailable = pytest.StashKey[str]()


class Kafka(Protocol):
    """What tests may use of the shared broker."""

    @property
    def bootstrap_servers(self) -> str: ...


@dataclass(frozen=True)
class ExternalKafka:
    """A broker that somebody else runs."""

    bootstrap_servers: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a broker, so that nobody has to think of it."""
    for item in items:
        if _BROKERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch Kafka before the first test: a download has no place in a test's timeout, and is worth a line."""
    if session.config.option.collectonly or not any(map(_needs_kafka, session.items)):
        return
    try:
        java()
        libraries()
    except KafkaUnavailableError as error:
        session.config.stash[_unavailable] = str(error)


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Kafka]:
    """The broker of this run: the one that the environment names, else one that is started here."""
    if servers := os.environ.get(EXTERNAL):
        yield ExternalKafka(servers)
        return
    _must_be_available(pytestconfig)
    with KafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def _second_kafka(pytestconfig: pytest.Config) -> Iterator[KafkaServer]:
    _must_be_available(pytestconfig)
    with KafkaServer() as server:
        yield server


@pytest.fixture
def own_kafka(_second_kafka: KafkaServer) -> KafkaServer:
    """A broker that a test may kill, freeze and restart; topics of others may be in it."""
    _second_kafka.ensure()
    return _second_kafka


@pytest.fixture
def topics(kafka: Kafka) -> Iterator[Topics]:
    """`topics.create("raw", partitions=4, config={...})` answers a unique name; all are deleted after the test."""
    made = Topics(kafka.bootstrap_servers)
    yield made
    made.delete()


def _needs_kafka(item: pytest.Item) -> bool:
    return item.get_closest_marker("kafka") is not None


def _must_be_available(config: pytest.Config) -> None:
    reason = config.stash.get(_unavailable, None)
    if reason is not None:
        unmet("KAFKA", NO_KAFKA + reason)
