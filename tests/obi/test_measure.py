"""``obi measure`` and ``obi simulate``: files in, files out, and the figures on standard error."""

from __future__ import annotations

import gzip
import hashlib
import re
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from connectors.feed_recording import looped, merged
from connectors.recordings import RecordingReader, write_recording
from obi.cli import app


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of one's own, and lines that are not cut."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def obi(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_equal_arguments_give_an_equal_recording() -> None:
    for name in ("a.gz", "b.gz"):
        obi("simulate", "--symbols", 3, "--seconds", 2, "--seed", 5, "-o", name)
    obi("simulate", "--symbols", 3, "--seconds", 2, "--seed", 6, "-o", "c.gz")

    assert digest("a.gz") == digest("b.gz") != digest("c.gz")


def test_the_name_tells_the_venue_and_a_pipe_gets_the_same_bytes() -> None:
    obi("simulate", "--symbols", 2, "--seconds", 2, "-o", "usdm_sim.gz")
    piped = obi("simulate", "--symbols", 2, "--seconds", 2, "--venue", "binance-usdm", "-o", "-").stdout_bytes

    assert gzip.decompress(Path("usdm_sim.gz").read_bytes()) == piped
    assert b'"pu":' in piped


def test_streams_can_be_chosen() -> None:
    obi("simulate", "--symbols", 2, "--seconds", 2, "--streams", "depth20@100ms,trade", "-o", "spot_x")
    streams = {orjson.loads(line.split(b" ", 1)[1])["stream"] for line in Path("spot_x").read_bytes().splitlines()}

    assert streams == {
        f"{symbol}@{stream}" for symbol in ("btcusdt", "ethusdt") for stream in ("depth20@100ms", "trade")
    }


def test_every_record_of_a_simulated_market_agrees_with_its_truth() -> None:
    obi("simulate", "--symbols", 2, "--seconds", 5, "-o", "usdm_sim.gz", "--truth", "truth.jsonl")
    told = obi("measure", "usdm_sim.gz", "-o", "records.jsonl", "--delta-volume-window", 100_000).stderr
    records = {record["source"]["offset"]: record for record in lines(Path("records.jsonl"))}
    truths = lines(Path("truth.jsonl"))

    assert [truth["offset"] for truth in truths] == sorted(records)
    for truth in truths:
        record = records[truth["offset"]]
        if record["state"] == "live":
            best = [record["best_bid"], record["best_bid_quantity"], record["best_ask"], record["best_ask_quantity"]]
            assert best == [float(text) for text in (*truth["bids"][0], *truth["asks"][0])]
    assert "unequal" not in told
    assert told.count("best bid and ask = bookTicker") == 2


def test_records_go_to_standard_output_and_nothing_else_does() -> None:
    obi("simulate", "--symbols", 1, "--seconds", 2, "-o", "spot_sim.gz")
    result = obi("measure", "spot_sim.gz", "-o", "-")
    records = [orjson.loads(line) for line in result.stdout.splitlines()]

    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert records[0]["source"]["topic"] == "spot_sim.gz"
    assert "messages " in result.stderr


def test_faults_go_to_their_file_and_are_counted() -> None:
    Path("spot_x").write_bytes(
        b'1700000000000000000 {"stream":"a@depth20@100ms"\n1700000000000000001 {"stream":"a@kline","data":{}}\n'
    )
    told = obi("measure", "spot_x", "--faults", "faults.jsonl").stderr

    assert [fault["reason"] for fault in lines(Path("faults.jsonl"))] == ["not_json", "unknown_stream"]
    assert "messages 2 = records 0 + faults 2 (not_json 1, unknown_stream 1) + ignored 0" in told


def test_several_files_are_one_run() -> None:
    for seed in (1, 2):
        obi("simulate", "--symbols", 1, "--seconds", 2, "--seed", seed, "--streams", "depth20@100ms,trade,bookTicker",
            "-o", f"usdm_{seed}.gz")  # fmt: skip
    obi("measure", "usdm_1.gz", "-o", "first.jsonl")
    obi("measure", "usdm_1.gz", "usdm_2.gz", "-o", "both.jsonl")
    first, both = lines(Path("first.jsonl")), lines(Path("both.jsonl"))

    assert both[: len(first)] == first
    assert [record["seq"] for record in both] == list(range(1, len(both) + 1))


def test_a_name_without_a_venue_takes_the_default_one() -> None:
    obi("simulate", "--symbols", 1, "--seconds", 1, "-o", "sim.gz")
    obi("measure", "sim.gz", "-o", "a.jsonl")
    obi("measure", "sim.gz", "--venue", "my-venue", "-o", "b.jsonl")

    assert {record["venue"] for record in lines(Path("a.jsonl"))} == {"binance-spot"}
    assert {record["venue"] for record in lines(Path("b.jsonl"))} == {"my-venue"}


def test_all_missing_files_are_told_in_one_message() -> None:
    result = CliRunner().invoke(app, ["measure", "spot_a.gz", "usdm_b.gz"])

    assert result.exit_code == 2
    assert "spot_a.gz" in result.stderr
    assert "usdm_b.gz" in result.stderr


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "records", "live", "delta"),
    [
        # Differences that wait for the snapshot are records in state resyncing: they have no best prices to compare. The
        # issue's 1145 and 1149 count two of them each, as books (tests/connectors/test_derive_depth.py).
        ("spot_btcusdt", 611, 608, 10.85005 - 8.53189),
        ("spot_ethusdt", 608, 606, 135.9826 - 176.6041),
        ("usdm_btcusdt", 1149, 1143, None),
        ("usdm_ethusdt", 1154, 1147, 562.394 - 407.424),
    ],
)
def test_every_live_record_of_the_recordings_has_the_exchanges_best_prices(
    recordings: Path, name: str, records: int, live: int, delta: float | None
) -> None:
    (path,) = (recordings / "sample").glob(f"{name}_*.gz")
    told = obi("measure", path, "-o", "out.jsonl", "--delta-volume-window", 100_000).stderr
    made = lines(Path("out.jsonl"))

    assert f"best bid and ask = bookTicker {live}/{live} " in told
    assert re.search(
        r"^speed  [\d,]+ messages/s \(decode [\d.]+ s, measure [\d.]+ s, encode [\d.]+ s\)$", told, re.MULTILINE
    )
    assert f"trade_delta = trades {records}/{records}" in told
    assert (len(made), sum(record["state"] == "live" for record in made)) == (records, live)
    if delta is not None:  # no trade comes after the last depth message
        assert made[-1]["trade_delta"] == pytest.approx(delta, abs=1e-9)


@pytest.mark.recordings
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "compared"),
    [
        ("spot_btcusdt", 3448), ("spot_ethusdt", 3432), ("usdm_btcusdt", 6545), ("usdm_ethusdt", 6579),
        ("spot_4symbols", 159), ("usdm_4symbols", 744),
    ],
)  # fmt: skip
def test_the_longer_recordings_agree_as_well(recordings: Path, pattern: str, compared: int) -> None:
    (path,) = (recordings / "dev").glob(f"{pattern}_*.gz")
    told = obi("measure", path).stderr
    pairs = [part.split()[0].split("/") for part in told.split("bookTicker ")[1:]]

    assert sum(int(equal) for equal, _ in pairs) == sum(int(total) for _, total in pairs) == compared


def test_a_looped_recording_is_a_venue_that_restarts_its_ids() -> None:
    obi("simulate", "--symbols", 2, "--seconds", 3, "-o", "usdm_sim.gz")
    reader = RecordingReader(Path("usdm_sim.gz"))
    rounds = 3 * sum(1 for _ in merged([reader]))
    endless = looped(lambda: merged([reader]))
    write_recording("usdm_loop.gz", ((message.recv_ns, message.value) for message in islice(endless, rounds)))
    once, told = obi("measure", "usdm_sim.gz").stderr, obi("measure", "usdm_loop.gz", "-o", "out.jsonl").stderr
    states = [record["state"] for record in lines(Path("out.jsonl"))]

    assert states.count("live") > 0.9 * len(states)
    assert "stale" not in told
    assert "id_reset" in told
    assert "expected trade_delta" not in told
    assert "expected best bid" not in told
    assert once.count("bookTicker") == told.count("bookTicker")
