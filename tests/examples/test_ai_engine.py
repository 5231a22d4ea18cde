"""The example engine beside a demo: decisions with reasons, a reason where there is none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import environment
from tests.needs import ROOT

ENGINE = ROOT / "examples" / "ai_engine.py"


def engine(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ENGINE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=seconds, check=False)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The address of a running demo's broker."""
    command = [sys.executable, "-m", "obi", "demo", "--seconds", "60", "--speed", "5", "--no-watch", "--no-browser"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = next(found for line in process.stderr if (found := re.search(r"127\.0\.0\.1:\d+", line)))
        try:
            yield told[0]
        finally:
            os.kill(process.pid, signal.SIGINT)
            process.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("limits", ["fixed", "z-score"])
def test_it_decides_about_the_demos_market(demo: str, limits: str) -> None:
    flags = ["--limits", limits, "--every", "0.1", "--max-age", "20", "--decisions", "600"]
    done = engine("--bootstrap-servers", demo, *flags)
    decided = re.findall(r"^(binance-\w+:\w+): (BUY|SELL|HOLD)", done.stdout, re.MULTILINE)

    assert done.returncode == 0, done.stderr
    assert len({instrument for instrument, _ in decided}) == 4, done.stdout
    assert {"BUY", "SELL"} & {side for _, side in decided}
    assert re.search(
        r"^    (imbalance|delta|large orders|depth ratio): \S+.* \(\w+ \S+ [<>] \S+\)$", done.stdout, re.MULTILINE
    )
    assert re.search(
        r"^    Orderbook: imbalance=\S+, delta=\S+, depth_ratio=\S+, large_orders=\S+$", done.stdout, re.MULTILINE
    )
    if limits != "fixed":
        assert "no decision, its limits are still being learned" in done.stdout


def test_without_a_broker_it_says_so() -> None:
    done = engine("--bootstrap-servers", "127.0.0.1:1", "--decisions", "1")

    assert done.returncode == 3
    assert "expected a Kafka broker at 127.0.0.1:1 within 10 s" in done.stderr
