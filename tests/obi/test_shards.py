"""`obi run` as one of several shards, and as the one that looks after them: what children are told, what is shown."""

from __future__ import annotations

import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from structlog.testing import capture_logs
from typer.testing import CliRunner

from dataflows import runner
from dataflows.settings import Settings, SettingsError
from dataflows.shards import Shard
from dataflows.supervision.keeper import ShardError, ShardStatus
from dataflows.supervision.lifeline import lifeline_held
from obi import run as run_module
from obi.cli import app
from obi.shards import command
from obi.shards_view import ShardLines, table

SUMMARY = runner.RunSummary(5, 4, {"not_json": 1}, {}, {}, 1.0)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the runner and the supervisor are asked for."""
    asked: list[dict[str, Any]] = []

    def one(settings: Settings, **kwargs: Any) -> runner.RunSummary:
        asked.append(kwargs)
        return SUMMARY

    def several(settings: Settings, count: int, typed: tuple[str, ...], **kwargs: Any) -> None:
        asked.append({"count": count, "typed": typed, **kwargs})

    monkeypatch.setattr(runner, "run", one)
    monkeypatch.setattr(run_module, "run_shards", several)
    return asked


def obi(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def status(index: int, state: str, **figures: Any) -> ShardStatus:
    known: dict[str, Any] = {"pid": 4711 + index, "partitions": (index, index + 2), "restarts": 0, "messages": 12_345}
    known |= {"per_second": 3210, "lag": 0, "faults": 0}
    return ShardStatus(Shard(index, 2), state, **(known | figures))


def test_what_is_said_about_the_run_reaches_the_runner(ran: list[dict[str, Any]]) -> None:
    obi("run", "--shard", "1/4", "--until-end", "--resume-from-output", "--accept-loss")
    obi("run", "--new-generation")

    stops = [asked.pop("stop") for asked in ran]
    assert not any(stop.is_set() for stop in stops)
    assert ran == [
        {"shard": Shard(1, 4), "until_end": True, "choice": "resume", "accept_loss": True},
        {"shard": Shard(0, 1), "until_end": False, "choice": "new", "accept_loss": False},
    ]


def test_a_supervised_run_stops_with_its_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(settings: Settings, **kwargs: Any) -> runner.RunSummary:
        assert kwargs["stop"].wait(10)
        return SUMMARY

    monkeypatch.setattr(runner, "run", wait)
    with Path(os.devnull).open("rb") as ended:
        monkeypatch.setattr(run_module, "lifeline_held", partial(lifeline_held, descriptor=ended.fileno()))
        assert obi("run", "--supervised").exit_code == 0


def test_all_shards_get_what_was_typed(ran: list[dict[str, Any]]) -> None:
    Path("my.toml").write_text('log_level = "warning"\n')
    typed = ["--config", "my.toml", "run", "--shards", "3", "--until-end", "--raw-topic", "x"]
    result = obi(*typed)

    assert result.exit_code == 0, result.output
    assert ran == [{"count": 3, "typed": tuple(typed), "until_end": True}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--shard", "4/4"), "--shard: expected I/N with I from 0 to N-1, as in 0/4, received '4/4'"),
        (("--shard", "one"), "received 'one'"),
        (("--shards", "0"), "--shards"),
        (("--shards", "x"), "--shards"),
        (("--shards", "2", "--shard", "0/2"), "--shard, --shards: expected one of them, received both"),
        (("--resume-from-output", "--new-generation"), "expected one of them, received both"),
    ],
)
def test_wrong_use_is_2_and_a_message(ran: list[dict[str, Any]], arguments: tuple[str, ...], told: str) -> None:
    result = obi("run", *arguments)

    assert (result.exit_code, ran) == (2, [])
    assert told in result.stderr


def test_a_shard_that_cant_go_on_decides_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ShardError(143, "killed")

    monkeypatch.setattr(run_module, "run_shards", fails)
    result = obi("run", "--shards", "2")

    assert (result.exit_code, result.stderr) == (143, "error: killed\n")


@pytest.mark.parametrize("said", [["--shards", "2"], ["--shards=2"], ["--shards", "4", "--shards", "2"]])
def test_a_child_is_told_what_was_typed_and_its_own(said: list[str]) -> None:
    typed = ["--config", "a.toml", "run", *said, "--until-end", "--log-format", "console"]

    assert command(Shard(1, 2), typed, Settings()) == [
        *(sys.executable, "-m", "obi", "--config", "a.toml", "run", "--until-end", "--log-format", "console"),
        *("--shard", "1/2", "--supervised", "--log-format", "json", "--progress-interval", "1", "--log-level", "info"),
    ]


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1:9108", "127.0.0.1:9111"),
        (":9108", ":9111"),
        ("[::1]:9108", "[::1]:9111"),
        ("localhost:0", "localhost:0"),
    ],
)
def test_each_shard_has_a_port_of_its_own(address: str, own: str) -> None:
    told = command(Shard(3, 4), ["run", "--shards", "4"], Settings(metrics_addr=address))

    assert told[told.index("--metrics-addr") + 1] == own


def test_ports_above_the_last_one_are_refused_before_any_start() -> None:
    with pytest.raises(SettingsError, match="expected 4 ports from 65533 on, one a shard"):
        command(Shard(0, 4), ["run"], Settings(metrics_addr="localhost:65533"))


def test_debug_logs_are_the_childrens_too() -> None:
    told = command(Shard(0, 1), ["run"], Settings(log_level="debug"))

    assert told[-2:] == ["--log-level", "debug"]


def test_the_table_has_a_line_a_shard_and_fits_80_columns() -> None:
    file = io.StringIO()
    many = tuple(range(0, 256, 4))
    shards = [
        status(0, "running", lag=12_345, faults=3, partitions=many),
        status(1, "restart in 16 s", pid=None, partitions=None, restarts=5, per_second=0, lag=None),
    ]
    Console(file=file, width=80).print(table(shards))
    lines = file.getvalue().splitlines()

    assert [line.split() for line in lines] == [
        ["shard", "state", "pid", "partitions", "msg/s", "lag", "faults", "restarts"],
        ["0/2", "running", "4711", "0", "4", "..", "252", "3,210", "12,345", "3", "0"],
        ["1/2", "restart", "in", "16", "s", "-", "-", "0", "-", "0", "5"],
        ["all", "3,210", "12,345", "3", "5"],
    ]


def test_without_a_terminal_changes_are_logged_at_once_and_all_shards_now_and_then() -> None:
    now = 0.0
    file = io.StringIO()
    lines = ShardLines(Console(file=file, width=80), 10.0, lambda: now)
    seen: list[list[tuple[str, str]]] = []
    for at, states in [
        (1.0, ("starting", "starting")),
        (2.0, ("running", "starting")),
        (3.0, ("running", "restart in 2 s")),
        (4.0, ("running", "restart in 1 s")),
        (11.0, ("running", "running")),
        (12.0, ("running", "running")),
    ]:
        now = at
        with capture_logs() as logs:
            lines.look([status(index, state) for index, state in enumerate(states)])
        seen.append([(log["shard"], log["state"]) for log in logs])
    lines.said(Shard(0, 2), ["messages 1 = records 1"])

    assert seen == [
        [("0/2", "starting"), ("1/2", "starting")],
        [("0/2", "running")],
        [("1/2", "restart in 2 s")],
        [],
        [("0/2", "running"), ("1/2", "running")],
        [],
    ]
    assert file.getvalue() == "0/2 messages 1 = records 1\n"


def test_without_an_interval_only_changes_are_logged() -> None:
    now = 0.0
    lines = ShardLines(Console(file=io.StringIO()), 0.0, lambda: now)
    with capture_logs() as logs:
        for at, state in [(1.0, "starting"), (2.0, "running"), (1000.0, "running"), (2000.0, "done")]:
            now = at
            lines.look([status(0, state)])

    assert [log["state"] for log in logs] == ["starting", "running", "done"]
