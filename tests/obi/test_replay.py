"""``obi replay`` said wrongly: everything that is wrong at once, before any broker is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from obi.cli import app


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No obi.toml of the checkout."""
    monkeypatch.chdir(tmp_path)


def replay(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["replay", *map(str, arguments)], env={"COLUMNS": "300"})
    assert result.exit_code == 2, result.output
    return result.stderr


def test_what_becomes_of_the_records_must_be_said_once() -> None:
    expected = "expected one of --verify, --to-topic TOPIC and -o FILE|-, received "

    assert expected + "none" in replay()
    assert expected + "--verify and -o" in replay("--verify", "-o", "-")
    assert expected + "--verify and --to-topic and -o" in replay("--verify", "-o", "-", "--to-topic", "x")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = replay(
        *("--from-offset", 9, "--to-offset", 8, "--from-time", "soon", "--instrument", "BTCUSDT", "--verify"),
        *("--append", "--set", "depth_level=3"),
    )

    assert told.splitlines() == [
        "error: 6 settings are wrong:",
        "  --append: expected --to-topic with it",
        "  --instrument: expected venue:symbol as in binance-usdm:BTCUSDT, received 'BTCUSDT'",
        "  --from-time: expected ISO 8601 as in 2024-08-08T16:00:00Z, or ms since 1970, received 'soon'",
        "  depth_level (--set): unknown; did you mean depth_levels?",
        "  --from-offset, --to-offset: expected --partition with them (offsets are a partition's own)",
        "  --to-offset: expected --from-offset (9) or later, received 8",
    ]


@pytest.mark.parametrize("topic", ["depth.raw", "depth.metrics", "depth.faults", "depth.metrics.checkpoints"])
def test_the_topics_of_the_job_are_never_written_to(topic: str) -> None:
    assert f"--to-topic: expected another topic than those of the job, received '{topic}'" in replay(
        "--to-topic", topic
    )


def test_a_name_that_is_none_is_refused() -> None:
    assert "--to-topic: expected 1 .. 249 of the characters" in replay("--to-topic", "exp w200")
