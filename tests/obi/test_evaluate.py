"""``obi evaluate``: from recordings, from exported files, from the topic; what is told, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from connectors.embedded import EmbeddedBroker
from connectors.recordings import RecordingReader
from obi.cli import app

FEW = ("--features", "orderflow_imbalance,micro_price_bps,total_depth", "--horizons", "0.1,1", "--windows", "")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute and a half of a market whose imbalance leads it, by the way it is made."""
    path = tmp_path_factory.mktemp("sim") / "usdm_sim.gz"
    obi("simulate", "--symbols", 2, "--seconds", 90, "--streams", "depth20@100ms,trade", "-o", path)
    return path


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of one's own, and lines that are not cut."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def obi(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def answer(*arguments: object) -> Any:
    return orjson.loads(obi("evaluate", *arguments, "--json", "-").stdout)


def test_a_simulated_market_is_led_by_its_imbalance_and_the_report_says_so(recording: Path) -> None:
    result = obi("evaluate", recording, *FEW, "--html", "report.html", "--json", "report.json")
    report = orjson.loads(Path("report.json").read_bytes())
    supported = {(score["feature"], score["horizon"]) for score in report["scores"] if score["verdict"] == "supported"}

    assert ("micro_price_bps", "0.1 s") in supported
    assert "Hit rate given a move, %" in result.stdout
    assert "binance-usdm:BTCUSDT" in result.stdout
    assert "What takers paid" in result.stdout
    assert "(Pearson), and R2 in %" in result.stdout
    assert f"{report['tests']} tests at level 0.05" in result.stdout
    assert "too little data" in result.stdout
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "wrote report.html" in result.stderr


def test_a_placebo_finds_nothing(recording: Path) -> None:
    report = answer(recording, *FEW, "--placebo")

    assert not [score for score in report["scores"] if score["verdict"].startswith("supported")]


def test_delta_windows_are_compared(recording: Path) -> None:
    report = answer(recording, *FEW[:-1], "5,20", "--instrument", "binance-usdm:BTCUSDT")

    assert {score["feature"] for score in report["windows"]} == {"delta_volume of 5", "delta_volume of 20"}
    assert {score["instrument"] for score in [*report["scores"], *report["windows"]]} == {"binance-usdm:BTCUSDT"}


def test_topic_exported_files_and_recording_give_the_same_answer(recording: Path, embedded: EmbeddedBroker) -> None:
    embedded.create("depth.metrics", "depth.raw")
    obi("measure", recording, "-o", "records.jsonl")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for batch in RecordingReader(recording).batches():
        for key, value in zip(batch.keys, batch.values, strict=True):
            producer.produce("depth.raw", value, key, 0)
    for line in Path("records.jsonl").read_bytes().splitlines():
        record = orjson.loads(line)
        record["source"]["topic"] = "depth.raw"
        producer.produce("depth.metrics", orjson.dumps(record), b"k", 0)
    assert producer.flush(30) == 0
    broker = ("--bootstrap-servers", embedded.bootstrap_servers)
    obi("export", "out", *broker)
    by_recording, by_topic, by_files = answer(recording, *FEW), answer(*FEW, *broker), answer("out", *FEW)

    for part in ("scores", "costs", "combinations", "qualities"):
        assert by_recording[part] == by_topic[part] == by_files[part]
    assert by_recording["slippages"] == by_topic["slippages"] != []
    assert by_files["slippages"] == []
    assert by_files["notes"] == ["what takers paid needs trades: exported records have none"]
    assert answer(*FEW[:-1], "50", *broker)["notes"][0].startswith("delta windows are compared from recordings only")
    one = next(Path("out").rglob("*.parquet"))
    assert len(answer(one, *FEW)["qualities"]) == 1


def test_a_topic_without_its_raw_messages_has_no_trades(recording: Path, embedded: EmbeddedBroker) -> None:
    embedded.create("depth.metrics")
    obi("measure", recording, "-o", "records.jsonl")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for line in Path("records.jsonl").read_bytes().splitlines()[:300]:
        producer.produce("depth.metrics", line, b"k", 0)
    producer.produce("depth.metrics", b"no record", b"k", 0)
    assert producer.flush(30) == 0
    notes = answer(*FEW, "--bootstrap-servers", embedded.bootstrap_servers)["notes"]

    assert notes == ["what takers paid needs trades: the raw topic usdm_sim.gz is not there"]


def test_records_of_a_newer_schema_are_refused(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.metrics")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    record = {"schema": 2, "venue": "sim", "symbol": "A", "seq": 1, "state": "live", "source": {}}
    producer.produce("depth.metrics", orjson.dumps(record), b"k", 3)
    assert producer.flush(30) == 0
    told = obi("evaluate", *FEW, "--bootstrap-servers", embedded.bootstrap_servers, code=2).stderr

    assert "partition 3, offset 0: expected a record of schema 1, received schema 2" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--features", "imbalance"), "expected features out of orderflow_imbalance"),
        (("--horizons", "1,soon"), "--horizons: expected numbers above 0 with commas between them, received '1,soon'"),
        (("--horizons", ""), "horizons: expected seconds above 0"),
        (("--windows", "0"), "--windows: expected numbers above 0"),
        (("--level", "2"), "level: expected a number between 0 and 0.5, received 2"),
        (("--fee-bps", "-1"), "fee: expected basis points, 0 or more, received -1"),
        (("--to-time", "2024-08-08"), "expected with the metrics topic, received with files"),
        (("--instrument", "binance-usdm:NONE"), "there are binance-usdm:BTCUSDT, binance-usdm:ETHUSDT"),
    ],
)
def test_wrong_use_is_told(recording: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in obi("evaluate", recording, "--windows", "", *arguments, code=2).stderr.replace("\n", " ")


def test_what_is_no_export_is_told(recording: Path) -> None:
    Path("folder").mkdir()
    assert "expected Parquet files of obi export" in obi("evaluate", "folder", code=2).stderr
    Path("x.parquet").write_bytes(b"what?")
    assert "expected Parquet files of obi export" in obi("evaluate", "x.parquet", code=2).stderr
    assert "received both" in obi("evaluate", "folder", recording, code=2).stderr
    assert "nothing.gz" in obi("evaluate", "nothing.gz", code=2).stderr


def test_without_the_libraries_it_says_what_to_install(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("consumers.evaluation.", "obi.evaluate_"))]:
        if not name.endswith("errors"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)

    assert "pip install 'orderbook-imbalance[evaluate]'" in obi("evaluate", recording, code=2).stderr
