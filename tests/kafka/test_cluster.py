"""Bytewax's own cluster over the same topics: the same records as `obi run`, also over a stop and a restart."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from connectors.raw import RawBatch
from tests.deployment import Deployment, environment
from tests.kafka.test_end_to_end import expected, feed, market, written
from tests.kafka_fixtures import Kafka
from tests.kafka_server import free_ports
from tests.kafka_topics import Topics

PROCESSES = 2


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


@contextmanager
def cluster(deployment: Deployment, recovery: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes as a user starts them; settings come from the environment."""
    own = {
        "OBI_BOOTSTRAP_SERVERS": deployment.servers,
        "OBI_RAW_TOPIC": deployment.raw,
        "OBI_METRICS_TOPIC": deployment.metrics,
        "OBI_FAULTS_TOPIC": deployment.faults,
        "OBI_BATCH_SIZE": "50",
    }
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(PROCESSES))
    command = [sys.executable, "-m", "bytewax.run", "dataflows.imbalance:flow()", "-w", "1"]
    command += ["-r", str(recovery), "-s", "1", "-b", "0", "-a", addresses]
    processes = [
        subprocess.Popen(
            [*command, "-i", str(number)],
            cwd=deployment.folder,
            env=environment() | own,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def end(processes: list[subprocess.Popen[str]]) -> None:
    """As a supervisor does it: the signal for all of them, then wait."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log


def halves(raw: RawBatch) -> Iterator[RawBatch]:
    rows = zip(raw.values, raw.keys, raw.headers, raw.offsets, strict=True)
    for count in (len(raw) // 2, len(raw)):
        half = RawBatch(raw.topic)
        for value, key, headers, offset in islice(rows, count):
            half.append(value, key=key, headers=headers, offset=offset)
        yield half


@pytest.mark.slow
def test_two_processes_write_what_obi_run_writes_over_a_stop(
    deployment: Deployment, topics: Topics, tmp_path: Path
) -> None:
    recovery = tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, PROCESSES)  # type: ignore[no-untyped-call]
    (whole,) = market()
    wanted = expected([whole])
    first, second = halves(whole)

    feed(deployment, [first])
    with cluster(deployment, recovery) as processes:
        deployment.wait_for(1)
        end(processes)
    feed(deployment, [second])
    with cluster(deployment, recovery) as processes:
        deployment.wait_for(sum(map(len, wanted.values())))
        end(processes)
    by_cluster = written(deployment)

    deployment.metrics = topics.create("metrics", partitions=2)
    deployment.run()

    assert by_cluster == written(deployment) == wanted
