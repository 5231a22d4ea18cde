"""Whole books polled by REST, from the fake exchange to records: each is the exchange's own book at its update id."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.deployment import Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics
from tests.live.judge import judge
from tests.live.processes import Exchange, Feed, wait_for_messages


@pytest.mark.slow
def test_polled_books_are_the_exchanges_own(kafka: Kafka, topics: Topics, tmp_path: Path) -> None:
    deployment = Deployment(kafka.bootstrap_servers, topics, tmp_path)
    truth, sent = tmp_path / "truth", tmp_path / "sent"
    options = ["--symbols=2", "--wait-for=2", f"--truth={truth}", f"--sent={sent}"]
    with Exchange(tmp_path, "binance-coinm", *options) as exchange:
        symbols = exchange.state()["symbols"]
        with Feed(tmp_path, exchange, deployment.servers, deployment.raw, *symbols, "--rest=500ms") as feed:
            begun = time.monotonic()
            wait_for_messages(deployment.servers, deployment.raw, 12)
            took_s = time.monotonic() - begun
            feed.terminate(5.0)
        state = exchange.state()
        exchange.terminate(5.0)
    deployment.run()

    judgement = judge(deployment, truth, sent, state)

    assert judgement.wrong == []
    assert judgement.compared >= 12
    assert state["connections"] == 0
    assert took_s > 1.0
