"""How latencies become figures, and that every case can be measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.histograms import slowest_ms
from benchmarks.latency import PEERS, Case, Sample, Use, judged, ours, row, sample
from benchmarks.pace import Load, prepared
from benchmarks.peers.environments import PeerUnavailableError
from benchmarks.stage import Stage
from tests.kafka_fixtures import Kafka
from tests.needs import unmet

SECOND = 1_000_000_000
CASES = [ours("idempotent", 1000), ours("transactional", 250), PEERS[0]]


def test_the_warm_up_does_not_count() -> None:
    pairs = np.array([[0, 900_000_000], [SECOND, 800_000_000], [3 * SECOND, 4_000_000], [4 * SECOND, 6_000_000]])

    found = judged(pairs, Load(1, 3.0, 2.0), Use(0.0, 1.0, []), Use(4.0, 2.0, []))

    assert found.latencies_ms.tolist() == [4.0, 6.0]
    assert found.cores == 0.25
    assert found.bounds_ms is None


def test_the_bound_of_99_of_100_is_of_what_came_between() -> None:
    before = {0.005: 0.0, 0.01: 50.0, 0.1: 50.0}
    after = {0.005: 98.0, 0.01: 149.0, 0.1: 150.0}

    assert slowest_ms(before, after) == 10.0  # 98, 99 and 100 of 100


def test_a_row_has_the_median_of_the_rounds_and_their_spread() -> None:
    rounds = [
        Sample(np.full(10, value), cores, (5.0, bound)) for value, cores, bound in ((4.0, 0.2, 10.0), (6.0, 0.4, 2.5))
    ]

    assert row(CASES[0], rounds)[1:] == [*["5.0 (4.0 .. 6.0)"] * 4, "<= 5", "<= 10", "0.30"]


def test_what_is_not_told_is_not_made_up() -> None:
    assert row(PEERS[0], [Sample(np.full(10, 4.0), None, None)])[1:] == ["4.0"] * 4 + ["-", "-", "-"]


def test_the_load_has_as_many_messages_as_it_says() -> None:
    load = Load(100, 2.0, 1.0, symbols=3, partitions=2)

    assert sum(1 for _ in prepared(load)) == load.messages == 300


@pytest.fixture
def stage(kafka: Kafka, tmp_path: Path) -> Stage:
    return Stage(kafka.bootstrap_servers, 2, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_message_of_a_steady_load_is_timed(stage: Stage, tmp_path: Path, case: Case) -> None:
    try:
        found = sample(stage, case, Load(200, 2.0, 2.0, symbols=4, partitions=2), tmp_path / f"case-{tmp_path.name}")
    except PeerUnavailableError as error:
        unmet("PEERS", f"{case.name}: {error}")

    assert 200 < len(found.latencies_ms) < 800  # half of 800, but where the load was held up
    assert found.latencies_ms.min() > 0
    assert (found.bounds_ms is not None) == case.is_ours


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_differences_with_trades_the_differences_are_timed(stage: Stage, tmp_path: Path) -> None:
    load = Load(200, 2.0, 2.0, symbols=4, partitions=2, workload="diff")

    found = sample(stage, CASES[0], load, tmp_path / f"case-{tmp_path.name}")

    depth = sum(message.is_depth for message in prepared(load))
    assert 0 < len(found.latencies_ms) < depth
