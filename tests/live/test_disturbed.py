"""The feed beside an exchange that errs in every way it knows, once each; `make feed-chaos` does it longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_exchange import KINDS
from tests.deployment import Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics
from tests.live.disturbed import END_WITHIN_S, disturbed


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


@pytest.mark.slow
def test_every_kind_of_fault_leaves_live_books_right_and_others_untouched(deployment: Deployment) -> None:
    outcome = disturbed(deployment, "binance-usdm", symbols=6, faults=len(KINDS), within_s=20.0, seed=7)

    assert outcome.judgement.is_well, f"{outcome.judgement}\n{outcome.judgement!r}"
    assert outcome.faults == len(KINDS)
    assert outcome.judgement.compared > 400
    assert len(outcome.judgement.episodes) >= 5
    assert sum(outcome.judgement.gaps.values()) >= len(outcome.judgement.episodes)
    assert outcome.ended_in_s < END_WITHIN_S
