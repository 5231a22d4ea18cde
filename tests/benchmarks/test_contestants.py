"""Each contestant on a real broker computes what the job computes; and the job's speed has not gone, as a ratio to the loop's."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import kernels
from benchmarks.agreement import Metrics, disagreements, metrics
from benchmarks.contestants import OURS, TUNED, Contestant, contestants
from benchmarks.peers.environments import PeerUnavailableError
from benchmarks.stage import Input, Stage
from benchmarks.workload import depth20, diff_books
from tests.benchmarks.measuring import measured
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics
from tests.needs import unmet

PARTITIONS = 2
MESSAGES = 2_000
SYMBOLS = 8
ALL = {contestant.name: contestant for contestant in contestants(shards=2)}

# A start with a download the first time, and a slow machine: what hangs is found by the benchmark's own limits before.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def stage(kafka: Kafka, tmp_path: Path) -> Stage:
    return Stage(kafka.bootstrap_servers, PARTITIONS, tmp_path)


@pytest.fixture
def few(stage: Stage, topics: Topics) -> Input:
    return stage.load(fresh(topics), depth20(MESSAGES, SYMBOLS, PARTITIONS))


@pytest.fixture(scope="module")
def expected() -> Metrics:
    """What the job computes, without a broker."""
    return measured(depth20(MESSAGES, SYMBOLS, PARTITIONS))


def fresh(topics: Topics) -> str:
    """A name for a topic that the stage makes."""
    return topics.adopt(f"input.{uuid.uuid4().hex[:12]}")


def computed(stage: Stage, contestant: Contestant, given: Input) -> Metrics:
    found: list[Metrics] = []
    try:
        stage.sample(contestant, given, read=lambda records: found.append(metrics(records)))
    except PeerUnavailableError as error:
        unmet("PEERS", f"{contestant.name}: {error}")
    return found[0]


@pytest.mark.parametrize("name", [name for name, contestant in ALL.items() if contestant.computes])
def test_a_contestant_computes_what_the_job_computes(stage: Stage, few: Input, expected: Metrics, name: str) -> None:
    theirs = computed(stage, ALL[name], few)

    assert len(theirs) == MESSAGES
    assert disagreements(expected, theirs) == []


@pytest.mark.parametrize("name", [name for name, contestant in ALL.items() if not contestant.computes])
def test_a_loop_writes_a_record_for_each_message(stage: Stage, few: Input, name: str) -> None:
    assert stage.sample(ALL[name], few).messages == MESSAGES


def test_the_job_makes_a_record_of_each_difference(stage: Stage, topics: Topics) -> None:
    given = stage.load(fresh(topics), diff_books(MESSAGES, 10, PARTITIONS))

    assert 0 < given.records < given.messages
    assert stage.sample(ALL[OURS], given).messages == MESSAGES  # an error unless there are as many records


def test_a_run_leaves_no_topic(stage: Stage, few: Input) -> None:
    before = stage.topics()

    stage.sample(ALL[OURS], few)

    assert {topic for topic in stage.topics() - before if not topic.startswith("__")} == set()


def test_the_job_has_not_become_much_slower_than_the_loop(stage: Stage, topics: Topics) -> None:
    """A gross regression only. Processor time, start-up taken off, and the better of two runs: a busy machine counts little."""
    few, many = (stage.load(fresh(topics), depth20(count, 20, PARTITIONS)) for count in (2_000, 40_000))
    start = {name: stage.sample(ALL[name], few) for name in (TUNED, OURS)}
    runs = {name: [stage.sample(ALL[name], many) for _ in range(2)] for name in (TUNED, OURS)}
    cpu_us = {name: min(run.cpu_us_beyond(start[name]) for run in samples) for name, samples in runs.items()}
    rate = {name: max(run.per_second for run in samples) for name, samples in runs.items()}

    # Compiled it takes about as much as the loop, in plain Python six times as much.
    compiled = kernels.kind() == "compiled"
    assert cpu_us[OURS] < (3 if compiled else 12) * cpu_us[TUNED]
    assert rate[OURS] > rate[TUNED] / (10 if compiled else 40)
