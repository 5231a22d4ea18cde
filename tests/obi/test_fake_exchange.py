"""``obi fake-exchange``: what it says to whoever starts it, and to wrong words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from connectors.recordings import write_recording
from obi.cli import app
from tests.deployment import environment


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, None], ids=["SIGTERM", "SIGINT", "by request"])
def test_it_tells_its_address_and_the_variables_and_ends_in_order(tmp_path: Path, end: signal.Signals | None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "obi", "fake-exchange", "--venue", "binance-spot", "--symbols", "2"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first, *exports = [process.stdout.readline().strip() for _ in range(3)]
        address = first.rpartition(" ")[2]
        with urlopen(f"http://{address}/control/state", timeout=10) as answer:
            state = json.load(answer)
        if end is None:
            urlopen(f"http://{address}/control/stop", timeout=10).close()
        else:
            os.kill(process.pid, end)
        _, stderr = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()

    assert first == f"fake exchange binance-spot at {address}"
    assert exports == [
        f"export OBI_BINANCE_SPOT_WS_URL=ws://{address}",
        f"export OBI_BINANCE_SPOT_REST_URL=http://{address}",
    ]
    assert state["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert not state["started"]
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--venue", "kraken"], "binance-usdm"),
        (["--speed", "0"], "a number above 0 or max"),
        (["--fault", "nosuch", "--fault", "gap@"], "silent_trades"),
        (["nowhere.gz"], "expected a recording at nowhere.gz"),
        (["spot_a.gz"], "binance-spot"),
    ],
)
def test_wrong_words_are_answered_with_what_was_expected(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    write_recording("spot_a.gz", [(10**18, b'{"stream":"a@trade","data":{}}')])

    result = CliRunner().invoke(app, ["fake-exchange", *arguments])

    assert result.exit_code == 2
    assert told in result.stderr
