"""``obi export``: what is typed, what is told, what is in the folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from connectors.embedded import EmbeddedBroker
from obi.cli import app

BEGIN_MS = 1_723_075_200_000


@pytest.fixture
def topic(embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A simulated market's records in a topic."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OBI_BOOTSTRAP_SERVERS", embedded.bootstrap_servers)
    embedded.create("depth.metrics")
    obi("simulate", "--symbols", 2, "--seconds", 3, "-o", "usdm_sim.gz")
    obi("measure", "usdm_sim.gz", "-o", "records.jsonl")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for at, value in enumerate(Path("records.jsonl").read_bytes().splitlines()):
        producer.produce("depth.metrics", value, b"k", 0, timestamp=BEGIN_MS + at)
    assert producer.flush(10) == 0
    return "depth.metrics"


def obi(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def test_a_topic_becomes_a_folder_and_a_second_time_nothing_is_new(topic: str) -> None:
    count = len(Path("records.jsonl").read_bytes().splitlines())
    first = obi("export", "out")
    again = obi("export", "out")
    rows = pl.read_parquet("out/**/*.parquet")

    assert f"{count} new records; out holds {count} in 2 files" in first.stderr
    assert first.stdout == f"partition 0: offsets 0 .. {count - 1}, records {count}\n"
    assert "0 new records" in again.stderr
    assert len(rows) == count
    assert rows.select("symbol", "seq").n_unique() == count


def test_a_range_is_all_that_is_exported(topic: str) -> None:
    obi("export", "out", "--partition", 0, "--from-offset", 5, "--to-offset", 14)
    obi("export", "out", "--partition", 0, "--to-offset", 20)

    [part] = orjson.loads(Path("out/_manifest.json").read_bytes())["partitions"]
    assert part == {"partition": 0, "begin": 5, "end": 21, "records": 16, "not_records": 0}


def test_wrong_use_is_told(topic: str) -> None:
    assert "--partition with them" in obi("export", "out", "--to-offset", 4, code=2).stderr
    assert "ISO 8601" in obi("export", "out", "--to-time", "noon", code=2).stderr
    Path("full").mkdir()
    Path("full/letter.txt").write_text("dear")
    assert "expected an empty folder or an export" in obi("export", "full", code=2).stderr
    assert "obi topics create" in obi("export", "out", "--metrics-topic", "none", code=3).stderr


def test_without_the_library_it_says_what_to_install(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("consumers.export.export", "consumers.export.files"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("pyarrow", "pyarrow.compute", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)

    assert "pip install 'orderbook-imbalance[export]'" in obi("export", "out", code=2).stderr
