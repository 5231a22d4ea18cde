"""``obi dashboard``: what is wrong is told before anything is served. What it serves is looked at in tests/browser."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.embedded import EmbeddedBroker
from obi.cli import app


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_a_missing_metrics_topic_is_told(embedded: EmbeddedBroker) -> None:
    result = obi("dashboard", "--port", 0, "--bootstrap-servers", embedded.bootstrap_servers)

    assert result.exit_code == 3
    assert "expected topic depth.metrics" in result.output
    assert "obi topics create" in result.output


def test_a_broker_that_does_not_answer_is_told() -> None:
    result = obi("dashboard", "--port", 0, "--bootstrap-servers", "127.0.0.1:1", "--broker-timeout", "0.1")

    assert result.exit_code == 3
    assert "expected a Kafka broker at 127.0.0.1:1" in result.output


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = obi("dashboard", "--port", port)

    assert result.exit_code == 2
    assert f"expected an address to listen on, received 127.0.0.1:{port}: " in result.output


def test_an_address_of_another_machine_is_told() -> None:
    result = obi("dashboard", "--host", "192.0.2.1", "--port", 8051)

    assert result.exit_code == 2
    assert "expected an address to listen on, received 192.0.2.1:8051: " in result.output


def test_a_missing_library_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "consumers.dashboard.server", None)
    result = obi("dashboard")

    assert result.exit_code == 2
    assert "pip install 'orderbook-imbalance[dashboard]'" in result.output
