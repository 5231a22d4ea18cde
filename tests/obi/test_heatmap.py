"""``obi heatmap``: recordings and the raw topic become pictures; what is wrong is told."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from connectors.embedded import EmbeddedBroker
from obi.cli import app

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of one's own, and lines that are not cut."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def simulated(symbols: int = 1) -> str:
    assert obi("simulate", "--symbols", symbols, "--seconds", 3, "-o", "spot_sim.gz").exit_code == 0
    return "spot_sim.gz"


def test_a_recording_becomes_a_picture() -> None:
    result = obi("heatmap", simulated(), "-o", "book.png")

    assert result.exit_code == 0, result.output
    assert "binance-spot:BTCUSDT in book.png" in result.output
    assert Path("book.png").read_bytes()[:4] == PNG


def test_one_of_several_instruments_is_chosen_by_its_symbol() -> None:
    name = simulated(symbols=2)
    result = obi("heatmap", name, "-o", "book.png")
    assert result.exit_code == 2
    assert (
        "expected one instrument in spot_sim.gz; received messages of binance-spot:BTCUSDT, binance-spot:"
        in result.output
    )

    chosen = obi("heatmap", name, "--symbol", "btcusdt", "-o", "book.svg", "--theme", "dark")
    assert chosen.exit_code == 0, chosen.output

    absent = obi("heatmap", name, "--symbol", "DOGEUSDT", "-o", "book.png")
    assert absent.exit_code == 2
    assert (
        "expected depth messages of DOGEUSDT in spot_sim.gz; received messages of binance-spot:BTCUSDT" in absent.output
    )


def test_a_stretch_of_a_recording() -> None:
    name = simulated()
    flags = ["--from-time", "2025-01-01T00:00:01Z", "--to-time", "2025-01-01T00:00:02Z"]
    assert obi("heatmap", name, *flags, "-o", "book.png").exit_code == 0

    outside = obi("heatmap", name, "--from-time", "2026-01-01T00:00:00Z", "-o", "book.png")
    assert outside.exit_code == 2
    assert "expected one instrument in spot_sim.gz" in outside.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "a.png"), "expected recordings or --topic, received neither"),
        (("a.gz", "--topic", "-o", "a.png"), "expected recordings or --topic, received both"),
        (("a.gz", "-o", "a.jpeg"), "expected a name that ends in .png, .svg, .pdf, received a.jpeg"),
        (("a.gz", "-o", "a.png", "--theme", "blue"), "--theme: expected light or dark, received 'blue'"),
        (("a.gz", "-o", "a.png", "--from-time", "noon"), "--from-time: expected ISO 8601"),
        (("a.gz", "-o", "a.png"), "expected a recording at a.gz, found none"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], words: str) -> None:
    result = obi("heatmap", *arguments)

    assert result.exit_code == 2
    assert words in result.output


def test_a_missing_library_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "consumers.heatmap.picture", raising=False)
    result = obi("heatmap", "a.gz", "-o", "a.png")

    assert result.exit_code == 2
    assert "pip install 'orderbook-imbalance[heatmap]'" in result.output


def test_differences_without_a_snapshot_show_nothing_and_that_is_told() -> None:
    levels = {"b": [["1", "1"]], "a": [["2", "1"]]}
    lines = [
        orjson.dumps(
            {
                "stream": "btcusdt@depth",
                "data": {"e": "depthUpdate", "E": at, "s": "BTCUSDT", "U": at, "u": at, **levels},
            }
        )
        for at in range(1, 9)
    ]
    Path("spot_a").write_bytes(b"".join(b"%d %b\n" % (10**18 + at, line) for at, line in enumerate(lines)))
    result = obi("heatmap", "spot_a", "-o", "a.png")

    assert result.exit_code == 2
    assert "received none that is known: its differences had no snapshot" in result.output


def write_raw(broker: EmbeddedBroker) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    now = time.time_ns() // 1_000_000
    for at in range(30):
        book = {"symbol": "BTCUSDT", "bids": [["10", "1"]], "asks": [["11", "2"]], "ts_ms": now + at * 100}
        producer.produce("depth.raw", orjson.dumps(book), b"binance-spot:BTCUSDT", 0)
    assert producer.flush(10) == 0


def test_the_raw_topic_becomes_a_picture(embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    # The embedded broker finds no offsets by time: the range is the whole topic then.
    monkeypatch.setattr("connectors.stretch.StretchReader.offset_at", lambda *_: 0)
    embedded.create("depth.raw")
    write_raw(embedded)
    result = obi("heatmap", "--topic", "--bootstrap-servers", embedded.bootstrap_servers, "-o", "now.png")

    assert result.exit_code == 0, result.output
    assert "binance-spot:BTCUSDT in now.png" in result.output


def test_a_missing_topic_is_told(embedded: EmbeddedBroker) -> None:
    result = obi("heatmap", "--topic", "--bootstrap-servers", embedded.bootstrap_servers, "-o", "now.png")

    assert result.exit_code == 3
    assert "expected topic depth.raw" in result.output
