"""A feed that is killed and started again: the books are whole again, the break is counted, nothing is wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.deployment import Deployment, record
from tests.kafka_fixtures import Kafka
from tests.kafka_reading import read_topic
from tests.kafka_topics import Topics
from tests.live.judge import HEAL_S, judge
from tests.live.processes import Exchange, Feed, messages_in, wait_for_messages

STREAMS = ("depth@100ms", "trade")
SYMBOLS = 2


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("venue", "kills"), [("binance-spot", 1), ("binance-usdm", 2)])
def test_after_kill_9_books_resync_and_gaps_counts_it(deployment: Deployment, venue: str, kills: int) -> None:
    truth, sent = deployment.folder / "truth", deployment.folder / "sent"
    options = [f"--symbols={SYMBOLS}", f"--wait-for={SYMBOLS * len(STREAMS)}", f"--truth={truth}", f"--sent={sent}"]
    with Exchange(deployment.folder, venue, *options) as exchange:
        symbols = exchange.state()["symbols"]
        for life in range(kills + 1):
            before = messages_in(deployment.servers, deployment.raw)
            with Feed(
                deployment.folder,
                exchange,
                deployment.servers,
                deployment.raw,
                *symbols,
                f"--streams={','.join(STREAMS)}",
            ) as feed:
                wait_for_messages(deployment.servers, deployment.raw, before + 100)
                time.sleep(1.0)
                if life < kills:
                    feed.kill()
                else:
                    feed.terminate(5.0)
        state = exchange.state()
        exchange.terminate(5.0)
    deployment.run()

    judgement = judge(deployment, truth, sent, state)

    assert judgement.wrong == []
    assert judgement.compared > 20
    assert judgement.hasty == []
    assert judgement.unknown == []
    assert [episode for episode in judgement.episodes if episode.seconds > HEAL_S or episode.snapshots != 1] == []
    assert {symbol: gaps for symbol, gaps in judgement.gaps.items() if gaps != kills} == {}
    states = [record(message.value)["state"] for message in read_topic(deployment.servers, deployment.metrics)]
    assert {"live", "resyncing"} <= set(states) <= {"live", "thin", "resyncing"}
