"""The whole chain on a real Kafka: fake exchange, feed, job. What comes out is what `obi measure` says of the recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.recordings import RecordingReader, write_recording
from simulator import simulate
from simulator.presets import instruments_of
from tests.deployment import Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics
from tests.live.outcome import audited, measured, written
from tests.live.processes import Exchange, Feed, wait_for_messages

SIMULATED_S = 10.0


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


def chain(deployment: Deployment, venue: str, paths: list[Path], symbols: list[str], streams: list[str]) -> int:
    """Play recordings through everything; how many messages came."""
    count = len(symbols) * len(streams)
    options = ["--speed=max", "--recorded-only", f"--wait-for={count}"]
    with (
        Exchange(deployment.folder, venue, *map(str, paths), *options) as exchange,
        Feed(
            deployment.folder, exchange, deployment.servers, deployment.raw, *symbols, f"--streams={','.join(streams)}"
        ) as feed,
    ):
        state = exchange.wait(lambda state: bool(state["finished"]) or not feed.is_alive)
        assert feed.is_alive, feed.text
        snapshots: int = sum(asked["status"] == 200 for asked in state["depth_requests"])
        assert snapshots == len(symbols), state["depth_requests"]
        wait_for_messages(deployment.servers, deployment.raw, state["frames"] + snapshots)
        feed.terminate(5.0)
        exchange.terminate(5.0)
    deployment.run()
    frames: int = state["frames"]
    return frames + snapshots


def check(deployment: Deployment, paths: list[Path], symbols: int) -> None:
    found = written(deployment)
    audits = audited(deployment)

    assert len(found) == symbols
    assert found == measured(paths)
    assert not audits.differs, [*audits.lines()]
    assert min(audit.quotes["equal"] for _, audit in audits) > 0
    assert min(audit.trades["equal"] for _, audit in audits) > 0


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.parametrize(("venue", "diffs"), [("spot", "depth@100ms"), ("usdm", "depth@0ms")])
def test_recordings_come_out_as_measured(deployment: Deployment, recordings: Path, venue: str, diffs: str) -> None:
    paths = sorted((recordings / "sample").glob(f"{venue}_*.gz"))
    symbols = ["BTCUSDT", "ETHUSDT"]

    count = chain(deployment, f"binance-{venue}", paths, symbols, [diffs, "trade", "bookTicker"])

    check(deployment, paths, len(symbols))
    assert count == sum(len(batch) for path in paths for batch in RecordingReader(path).batches())


@pytest.mark.slow
@pytest.mark.parametrize("venue", ["coinm", "usdm", "spot"])
def test_the_simulated_market_comes_out_as_measured(deployment: Deployment, venue: str, tmp_path: Path) -> None:
    instruments = instruments_of(f"binance-{venue}", 1)
    path = tmp_path / f"{venue}_simulated.gz"
    events = simulate(instruments, seconds=SIMULATED_S, seed=11)
    write_recording(path, ((event.recv_ns, event.payload) for event in events))
    streams = [stream for stream in instruments[0].streams if stream != "snapshot"]

    chain(deployment, f"binance-{venue}", [path], [instruments[0].symbol], streams)

    check(deployment, [path], 1)
