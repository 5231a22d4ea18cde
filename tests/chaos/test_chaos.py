"""Disturbances at random: what comes out is what an undisturbed run writes. `make chaos` does the same for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.disturbances import Kind
from tests.chaos.scenario import Outcome, Scenario, run
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics


def assert_nothing_shows(outcome: Outcome) -> None:
    assert outcome.judgement.same, str(outcome.judgement)
    assert all(outcome.done[kind] >= number for kind, number in outcome.scenario.numbers.items())


@pytest.mark.slow
def test_kills_and_signals_of_two_shards_do_not_show(kafka: Kafka, topics: Topics, tmp_path: Path) -> None:
    scenario = Scenario("partial books", 12_000, {Kind.KILL: 5, Kind.TERMINATION: 1}, shards=2, seed=3)

    assert_nothing_shows(run(scenario, kafka.bootstrap_servers, topics, tmp_path))


@pytest.mark.slow
def test_a_broker_that_is_killed_and_frozen_among_kills_does_not_show_in_transactions(
    own_kafka: KafkaServer, tmp_path: Path
) -> None:
    servers = own_kafka.bootstrap_servers
    numbers = {Kind.KILL: 2, Kind.BROKER_KILL: 1, Kind.BROKER_FREEZE: 1}
    scenario = Scenario("rebuilt books", 8_000, numbers, delivery="transactional", seed=4, freeze_s=3)

    assert_nothing_shows(run(scenario, servers, Topics(servers), tmp_path, own_kafka))
