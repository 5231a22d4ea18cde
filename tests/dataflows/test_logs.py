from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from dataflows.logs import configure_logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "auto")
    structlog.get_logger("obi").info("started", partitions=4)
    logging.getLogger("obi.kafka").warning("held up: %s", "no route")
    structlog.get_logger("obi").debug("too much")
    captured = capsys.readouterr()
    first, second = map(json.loads, captured.err.splitlines())
    assert captured.out == ""
    assert (first["event"], first["level"], first["logger"], first["partitions"]) == ("started", "info", "obi", 4)
    assert (second["event"], second["level"], second["logger"]) == ("held up: no route", "warning", "obi.kafka")
    assert first["timestamp"].endswith("Z")


def test_the_console_has_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "console")
    structlog.get_logger("obi").debug("started", partitions=4)
    line = capsys.readouterr().err
    assert "started" in line
    assert "partitions=4" in line
    assert "{" not in line


def test_a_second_call_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "json")
    configure_logs("error", "json")
    structlog.get_logger("obi").warning("not shown")
    structlog.get_logger("obi").error("shown once")
    assert capsys.readouterr().err.count("\n") == 1


def test_secrets_are_starred(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.get_logger("obi").info(
        "connecting",
        kafka={"sasl.password": "hunter2"},
        config={"sasl.password": "hunter2", "ssl.key.pem": "hunter2", "client.id": "obi"},
        api_token="hunter2",
    )
    line = capsys.readouterr().err
    assert "hunter2" not in line
    assert json.loads(line)["config"]["client.id"] == "obi"


def test_exceptions_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    try:
        int("of interest")
    except ValueError:
        structlog.get_logger("obi").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "of interest" in json.loads(line)["exception"]
