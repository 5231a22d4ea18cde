"""``obi feed binance-...`` as a user meets it, against a tiny exchange and the embedded broker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from connectors.embedded import PARTITIONS, EmbeddedBroker
from obi.cli import app
from obi.feed_live import exchange_url
from tests.connectors.live.tiny_exchange import TinyExchange, TradingExchange
from tests.needs import ROOT


@pytest.fixture
def exchange() -> Iterator[TinyExchange]:
    with TradingExchange() as tiny:
        yield tiny


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, embedded: EmbeddedBroker, exchange: TinyExchange) -> None:
    """A folder, a broker and an exchange of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OBI_BOOTSTRAP_SERVERS", embedded.bootstrap_servers)
    monkeypatch.setenv("OBI_BINANCE_USDM_WS_URL", exchange.ws_url)
    monkeypatch.setenv("OBI_BINANCE_USDM_REST_URL", exchange.rest_url + "/")
    embedded.create("depth.raw")


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@contextmanager
def feeding(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "obi", "feed", "binance-usdm", "--streams", "trade", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def read(embedded: EmbeddedBroker, count: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "x"})
    consumer.assign([TopicPartition("depth.raw", partition, 0) for partition in range(PARTITIONS)])
    found: list[Any] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.consume(count - len(found), 1)
    consumer.close()
    return found


def symbols_of(messages: list[Any]) -> set[bytes]:
    return {message.key().partition(b":")[2] for message in messages}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_within_5_s_with_0_and_all_is_acknowledged(
    embedded: EmbeddedBroker, number: signal.Signals
) -> None:
    with feeding("BTCUSDT", "ethusdt") as process:
        assert symbols_of(read(embedded, 200)) == {b"BTCUSDT", b"ETHUSDT"}
        process.send_signal(number)
        start = time.monotonic()
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0, told
    assert time.monotonic() - start < 5
    total = re.search(r"([\d,]+) of ([\d,]+) messages acknowledged by depth.raw", told)
    assert total is not None, told
    acknowledged = int(total[1].replace(",", ""))
    assert total[1] == total[2]
    assert len(read(embedded, acknowledged)) == acknowledged


def test_symbols_of_a_file_are_added_and_removed_while_it_runs(
    embedded: EmbeddedBroker, exchange: TinyExchange
) -> None:
    file = Path("symbols.txt")
    file.write_text("BTCUSDT")
    with feeding("--symbols-file", file) as process:
        read(embedded, 10)
        file.write_text("ETHUSDT\nSOLUSDT")
        deadline = time.monotonic() + 20
        while {stream.partition("@")[0] for stream in exchange.streams} != {"ethusdt", "solusdt"}:
            assert time.monotonic() < deadline, exchange.streams
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.terminate()
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0, told
    assert '"event": "symbols changed"' in told


def test_progress_is_logged_and_prometheus_is_answered(embedded: EmbeddedBroker) -> None:
    with feeding("BTCUSDT", "--metrics-addr", "127.0.0.1:0", "--progress-interval", "0.2") as process:
        lines: list[dict[str, Any]] = []
        assert process.stderr is not None
        while sum(line["event"] == "feeding" and line["acknowledged"] > 0 for line in lines) < 2:
            lines.append(orjson.loads(process.stderr.readline()))
        address = next(line["address"] for line in lines if line["event"] == "metrics")
        with urllib.request.urlopen(address, timeout=5) as answer:
            text = answer.read().decode()

    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["obi_feed_written_total"]) >= float(values["obi_feed_acknowledged_total"]) > 0
    assert float(values['obi_feed_acknowledgement_seconds_bucket{le="+Inf"}']) > 0
    assert {"venue", "symbols", "sockets", "messages", "per_second", "gaps"} <= lines[-1].keys()


def test_unknown_symbols_are_exit_code_2_with_near_ones_all_at_once() -> None:
    result = obi("feed", "binance-usdm", "BTCUSTD", "ETHUSDT", "SOLUSD", "--streams", "trade")

    assert result.exit_code == 2
    assert "'BTCUSTD'" in result.stderr
    assert "SOLUSDT" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "SYMBOL: expected at least one, or --symbols-file or --top, received none"),
        (("BTCUSDT", "--streams", "depht,trade"), "did you mean depth"),
        (("BTCUSDT", "--streams", ","), "expected at least one stream, received none"),
        (
            ("BTCUSDT", "--streams-per-connection", "1", "--streams", "depth,trade"),
            "streams_per_connection of at least 2",
        ),
        (("--top", "4", "--rest", "100ms"), "expected at most 1920 weight a minute"),
        (("BTC/USDT",), "SYMBOL: expected symbols such as BTCUSDT, received 'BTC/USDT'"),
        (("BTCUSDT", "--rest", "fast"), "expected a time such as"),
        (("BTCUSDT", "--audit-interval", "0"), "audit_interval (flag --audit-interval)"),
        (("--symbols-file", "nowhere"), "--symbols-file nowhere: expected a readable file"),
    ],
)
def test_wrong_use_is_exit_code_2(arguments: tuple[str, ...], told: str) -> None:
    result = obi("feed", "binance-usdm", *arguments)

    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_no_network_is_seen_and_given_up_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBI_BINANCE_USDM_REST_URL", "http://127.0.0.1:1")
    result = obi("feed", "binance-usdm", "BTCUSDT", "--give-up-after", "700ms")

    assert result.exit_code == 3
    assert '"event": "waiting for the exchange"' in result.stderr
    assert "within 0.7 s" in result.stderr


def test_a_missing_raw_topic_is_exit_code_3() -> None:
    result = obi("feed", "binance-usdm", "BTCUSDT", "--raw-topic", "nowhere")

    assert result.exit_code == 3
    assert "obi topics create" in result.stderr


@pytest.mark.parametrize(
    "given", ["x", "http://x:1", "ws://", "ws://x:99999", "ws://x/path", "ws://x?y", "ws://me@x", "ws://x:y"]
)
def test_an_address_is_scheme_host_and_port(given: str) -> None:
    with pytest.raises(ValueError, match="NAME: expected wss://host:port and no path"):
        exchange_url("NAME", ("ws", "wss"), "wss://default", {"NAME": given})


def test_without_an_address_the_default_holds() -> None:
    assert exchange_url("NAME", ("ws", "wss"), "wss://default", {}) == "wss://default"
    assert exchange_url("NAME", ("ws", "wss"), "wss://default", {"NAME": "ws://[::1]:80/"}) == "ws://[::1]:80"
