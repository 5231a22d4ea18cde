"""Log lines: one form for ours and the libraries', nothing secret in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from dataflows.logs import configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_our_lines_and_the_libraries_come_out_as_one_kind_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.get_logger("obi").info("started", shard="0/1")
    logging.getLogger("connectors").warning("broker %s is away", "b:9092")

    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())

    assert (ours["event"], ours["level"], ours["logger"], ours["shard"]) == ("started", "info", "obi", "0/1")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("broker b:9092 is away", "warning", "connectors")
    assert ours["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "json")
    logging.getLogger("connectors").info("quiet")

    assert not capsys.readouterr().err


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "console")

    def fail(password: str) -> None:
        raise RuntimeError(f"{len(password)} characters")

    try:
        fail("hunter2")
    except RuntimeError:
        logging.getLogger("connectors").exception("failed")

    shown = capsys.readouterr().err
    assert "RuntimeError: 7 characters" in shown
    assert "hunter2'" not in shown
