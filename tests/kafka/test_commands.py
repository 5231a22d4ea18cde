"""The commands in the order in which a user types them, against a real Kafka."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from obi.cli import app
from tests.kafka_fixtures import Kafka

PARTITIONS = 3


@pytest.fixture
def names(kafka: Kafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of a deployment of one's own; its topics are deleted after the test."""
    unique = uuid.uuid4().hex[:12]
    topics = {kind: f"{kind}.{unique}" for kind in ("raw", "metrics", "faults")}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OBI_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("OBI_STATE_DIR", str(tmp_path / "state"))
    for kind, topic in topics.items():
        monkeypatch.setenv(f"OBI_{kind.upper()}_TOPIC", topic)
    yield topics
    for future in (
        AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).delete_topics(list(topics.values())).values()
    ):
        future.exception(30)


def obi(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def read(kafka: Kafka, topic: str) -> list[tuple[int, Any]]:
    """(partition, record) of everything in a topic."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "x"})
    parts = [TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)]
    count = sum(consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts)
    consumer.assign(parts)
    found: list[tuple[int, Any]] = []
    while len(found) < count and (batch := consumer.consume(count - len(found), 10)):
        found += [(message.partition() or 0, orjson.loads(message.value() or b"")) for message in batch]
    consumer.close()
    return found


def without_source(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "source"}


def test_topics_feed_run_watch_and_doctor(kafka: Kafka, names: dict[str, str]) -> None:
    missing = obi("topics", "describe", code=1).stdout
    made = obi("topics", "create", "--partitions", PARTITIONS).stdout
    again = obi("topics", "create", "--partitions", PARTITIONS).stdout
    described = obi("topics", "describe").stdout

    assert missing.count(": missing") == 4
    assert made.count("created, 3 partitions") == 4
    assert again.count("was there, 3 partitions") == 4
    assert "message.timestamp.type=LogAppendTime" in described

    obi("simulate", "--symbols", 3, "--seconds", 3, "-o", "usdm_sim.gz")
    obi("feed", "recording", "usdm_sim.gz", "--speed", "max")
    summary = obi("run", "--until-end").stderr
    obi("measure", "usdm_sim.gz", "-o", "records.jsonl")
    measured = [orjson.loads(line) for line in Path("records.jsonl").read_bytes().splitlines()]
    written = read(kafka, names["metrics"])

    assert " = records " in summary
    by_symbol = {
        symbol: [without_source(record) for _, record in written if record["symbol"] == symbol]
        for symbol in {record["symbol"] for record in measured}
    }
    assert by_symbol == {
        symbol: [without_source(record) for record in measured if record["symbol"] == symbol] for symbol in by_symbol
    }
    assert all(partition == record["source"]["partition"] for partition, record in written)

    assert obi("watch", "--once").stdout.count("\n") == 3
    findings = obi("doctor").stdout
    assert "FAIL" not in findings
    assert "warn" not in findings
    assert "no job runs on it now" in findings


def test_other_partition_counts_are_refused(names: dict[str, str]) -> None:
    obi("topics", "create", "--partitions", 2)

    assert names["raw"] in obi("topics", "create", "--partitions", 3, code=2).stderr


def test_a_run_without_topics_says_what_to_type(names: dict[str, str]) -> None:
    told = obi("run", "--until-end", code=3).stderr

    assert "obi topics create" in told
    assert names["raw"] in told


def test_a_feed_does_not_make_a_topic_by_accident(names: dict[str, str]) -> None:
    obi("simulate", "--symbols", 1, "--seconds", 1, "-o", "spot_sim.gz")
    obi("feed", "recording", "spot_sim.gz", "--speed", "max", code=3)

    assert obi("topics", "describe", code=1).stdout.count(": missing") == 4
