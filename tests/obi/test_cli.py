"""The command line as a user meets it: help that lists everything, versions, exit codes, no traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import pytest
from typer.testing import CliRunner

from dataflows.settings import describe_settings
from obi.cli import app
from obi.options import BROKER, DECODING, FEED, JOB, LOGGING, MEASURING, TOPICS, _annotated
from tests.needs import ROOT

BEGINNINGS = ("--resume-from-output", "--new-generation", "--accept-loss")
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "demo": (
        (*MEASURING, *DECODING, *TOPICS),
        ("--recording", "--seconds", "--speed", "--seed", "--no-watch", "--no-browser"),
    ),
    "watch": ((*BROKER, "metrics_topic"), ("--once",)),
    "dashboard": (
        (*BROKER, "raw_topic", "metrics_topic", "faults_topic", *DECODING),
        ("SYMBOL", "--host", "--port", "--token", "--keep", "--levels", "--browser"),
    ),
    "heatmap": (
        (*BROKER, "raw_topic", *DECODING),
        (
            *("FILE", "--topic", "--out", "--symbol", "--venue", "--from-time", "--to-time", "--levels", "--theme"),
            *("--width", "--height"),
        ),
    ),
    "doctor": ((*BROKER, *TOPICS, *MEASURING, *DECODING, *JOB), ()),
    "run": ((*BROKER, *TOPICS, *MEASURING, *DECODING, *JOB), ("--shard", "--shards", "--until-end", *BEGINNINGS)),
    "replay": (
        (*BROKER, *TOPICS, *MEASURING, *DECODING),
        (
            *("--partition", "--from-offset", "--to-offset", "--from-time", "--to-time", "--instrument", "--verify"),
            *("--to-topic", "--append", "--out", "--set", "--from-beginning"),
        ),
    ),
    "topics create": ((*BROKER, *TOPICS), ("--partitions", "--replication-factor")),
    "topics describe": ((*BROKER, *TOPICS), ()),
    **{
        f"feed {venue}": ((*BROKER, "raw_topic", *FEED, "metrics_addr", "progress_interval_s"), ("SYMBOL",))
        for venue in ("binance-spot", "binance-usdm", "binance-coinm")
    },
    "feed recording": ((*BROKER, "raw_topic", "default_venue"), ("--speed", "--loop", "--derive-depth20")),
    "measure": ((*MEASURING, *DECODING), ("--venue", "--symbol", "--out", "--faults")),
    "simulate": ((), ("--symbols", "--seconds", "--seed", "--out", "--truth", "--streams")),
}
INFOS = {info.name: info for info in describe_settings()}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, no obi.toml of the checkout."""
    for name in [name for name in os.environ if name.startswith("OBI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_help_names_every_command_and_shows_examples() -> None:
    text = obi("--help").output

    assert [command for command in {name.split()[0] for name in COMMANDS} if command not in text] == []
    assert "obi demo" in text
    assert "Exit codes: 0 done, 1 the answer is no, 2 wrong use or settings, 3 the outside" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_lists_its_flags_with_default_and_variable(command: str) -> None:
    settings, own = COMMANDS[command]
    result = obi(*command.split(), "--help")
    text = re.sub(r"[\s│]+", " ", result.output)
    flags = [INFOS[name].flag or "--kafka" for name in settings]
    logging = [INFOS[name].flag or "" for name in LOGGING] if settings else []

    assert result.exit_code == 0
    assert [flag for flag in (*flags, *own, *logging) if flag not in text] == []
    assert [INFOS[name].env for name in settings if INFOS[name].env not in text] == []
    assert "Example" in text or not own


def test_no_arguments_show_the_help() -> None:
    assert "Usage: " in obi().output


def test_the_version_tells_python_and_the_libraries_that_matter() -> None:
    result = obi("--version")

    assert result.exit_code == 0
    assert re.fullmatch(
        r"obi \S.* \(Python 3\.\S+, (compiled|plain) kernels, bytewax 0\.21\.1 confluent-kafka \S+\)\n", result.output
    )


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "my.toml"
    config.write_text("depht_levels = 3\nbatch_size = 0\n")
    monkeypatch.setenv("OBI_MAX_LEVELS", "many")
    result = obi("run", "--config", config, "--depth-levels", "0", "--kafka", "no-equals", "--delivery", "never")

    assert result.exit_code == 2
    for part in ("depht_levels", "did you mean", "batch_size", "max_levels", "depth_levels", "no-equals", "delivery"):
        assert part in result.stderr, part
    assert "Traceback" not in result.output


def test_a_flag_is_stronger_than_the_environment_and_this_than_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBI_DEPTH_LEVELS", "wrong")

    assert obi("measure", tmp_path / "none.gz", "--depth-levels", "5").stderr.count("expected a recording") == 1
    assert "environment OBI_DEPTH_LEVELS" in obi("measure", tmp_path / "none.gz", "--preset", "hft").stderr


@pytest.mark.parametrize("where", ["before", "after"])
def test_config_and_preset_may_stand_before_the_command_or_after_it(where: str) -> None:
    flags = ["--preset", "nonsense"]
    result = obi(*flags, "measure", "x.gz") if where == "before" else obi("measure", "x.gz", *flags)

    assert result.exit_code == 2
    assert "--preset: expected one of hft, swing, illiquid, received 'nonsense'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("measure",), "Missing argument"),
        (("feed", "recording", "x.gz", "--speed", "slow"), "x.gz"),
        (("simulate", "--symbols", "0", "-o", "x"), "--symbols"),
        (("simulate", "--venue", "nyse", "-o", "x"), "nyse"),
        (("simulate", "--streams", "depth@7ms", "-o", "x"), "depth@7ms"),
        (("simulate", "-o", "/no/such/folder/x"), "/no/such/folder/x"),
        (("run", "--no-such-flag"), "--no-such-flag"),
        (("nonsense",), "nonsense"),
    ],
)
def test_wrong_use_is_exit_code_2_and_a_message(arguments: tuple[str, ...], told: str) -> None:
    result = obi(*arguments)

    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "command", [("watch", "--once"), ("topics", "create"), ("topics", "describe"), ("run",)], ids=" ".join
)
def test_a_broker_that_is_not_there_is_exit_code_3(command: tuple[str, ...], tmp_path: Path) -> None:
    state = ["--state-dir", tmp_path] if command == ("run",) else []
    result = obi(*command, "--bootstrap-servers", "127.0.0.1:1", "--broker-timeout", "0.1", *state)

    assert result.exit_code == 3
    assert "127.0.0.1:1" in result.stderr
    assert "Traceback" not in result.output


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """A command line with ``obi`` in it, in a real shell."""
    script = f"set -o pipefail; {command.replace('obi ', f'{sys.executable} -m obi ')}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=environ)


def test_python_m_obi_is_the_same_command() -> None:
    done = shell("obi --version")

    assert (done.returncode, done.stdout[:4]) == (0, "obi ")


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    done = shell("obi simulate --seconds 3 -o - | head -1")

    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert "Traceback" not in done.stderr


def test_a_real_process_ends_with_the_right_code_too() -> None:
    done = shell("obi measure nowhere.gz")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_a_hint_that_python_3_10_wrapped_once_more_is_read_as_it_was_written() -> None:
    written = Annotated[list[str] | None, "metadata"]

    assert _annotated(Optional[written]) == written  # noqa: UP045  (this very form)
    assert _annotated(written) == written
    assert _annotated(Optional[int]) == Optional[int]  # noqa: UP045
