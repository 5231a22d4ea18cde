"""The export of what a real job wrote to a real Kafka, in transactions and without."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from consumers.export.table import from_table
from obi.cli import app
from tests.kafka_fixtures import Kafka
from tests.kafka_reading import read_topic


@pytest.fixture
def metrics(kafka: Kafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The metrics topic of a deployment of one's own; its topics are deleted after the test."""
    unique = uuid.uuid4().hex[:12]
    topics = {kind: f"{kind}.{unique}" for kind in ("raw", "metrics", "faults")}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OBI_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("OBI_STATE_DIR", str(tmp_path / "state"))
    for kind, topic in topics.items():
        monkeypatch.setenv(f"OBI_{kind.upper()}_TOPIC", topic)
    yield topics["metrics"]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.delete_topics(list(topics.values())).values():
        future.exception(30)


def obi(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("delivery", ["idempotent", "transactional"])
def test_every_record_that_the_job_wrote_comes_back(kafka: Kafka, metrics: str, delivery: str) -> None:
    obi("topics", "create", "--partitions", 2)
    obi("simulate", "--symbols", 3, "--seconds", 5, "-o", "usdm_sim.gz")
    obi("feed", "recording", "usdm_sim.gz", "--speed", "max")
    obi("run", "--until-end", "--delivery", delivery)
    obi("export", "out", "--file-offsets", 50)
    written = [
        (read.partition, read.offset, read.timestamp_ms, read.value)
        for read in read_topic(kafka.bootstrap_servers, metrics)
    ]
    rows = [tuple(row) for path in Path("out").rglob("*.parquet") for row in from_table(pq.ParquetFile(path).read())]

    assert sorted(rows) == written
    assert len(written) > 100
