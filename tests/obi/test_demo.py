"""The demo from end to end: embedded broker, simulated market or recordings, the real job, the check of everything."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.needs import ROOT

pytestmark = pytest.mark.slow


def start(*arguments: str, folder: Path, page: bool = False) -> subprocess.Popen[str]:
    no_display = ("DISPLAY", "WAYLAND_DISPLAY")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OBI_", *no_display))}
    environ |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "obi", "demo", *arguments, "--browser" if page else "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=folder,
    )


def figures(text: str) -> dict[str, str]:
    """What the summary says, by the first words of its lines."""
    lines = [line.strip() for line in text.splitlines()]
    names = ("messages in", "records out", "faults", "ignored", "bid/ask = bookTicker", "trade_delta = trades")
    return {name: line.removeprefix(name).split()[0] for line in lines for name in names if line.startswith(name)}


def whole(fraction: str) -> bool:
    """``12/12`` and not nothing."""
    equal, total = fraction.replace(",", "").split("/")
    return equal == total != "0"


def test_a_short_demo_adds_up_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = start("--seconds", "4", "--speed", "5", "--delta-volume-window", "7", folder=tmp_path)
    out, err = demo.communicate(timeout=90)

    assert demo.returncode == 0, out + err
    told = figures(out)
    count = {name: int(told[name].replace(",", "")) for name in ("messages in", "records out", "faults", "ignored")}
    assert count["messages in"] == count["records out"] + count["faults"] + count["ignored"] > 1000
    assert whole(told["bid/ask = bookTicker"])
    assert whole(told["trade_delta = trades"])
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_it_cleanly_with_a_summary(tmp_path: Path) -> None:
    demo = start("--seconds", "60", folder=tmp_path)
    time.sleep(6)
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)

    assert "up to the interruption" in out, out + err
    assert demo.returncode == 0, out + err
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_it_says_where_its_page_is_and_goes_on(tmp_path: Path) -> None:
    demo = start("--seconds", "60", folder=tmp_path, page=True)
    assert demo.stderr is not None
    told = next(found for line in demo.stderr if (found := re.search(r"web page: (http://127\.0\.0\.1:\d+/)", line)))
    with urlopen(told[1], timeout=10) as answer:
        page = answer.read().decode()
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)

    assert 'id="instruments"' in page
    assert demo.returncode == 0, out + err
    assert list(tmp_path.iterdir()) == []


def test_a_recording_with_a_malformed_message_ends_with_its_fault(tmp_path: Path) -> None:
    lines = [
        b'{"stream":"a@depth20@100ms","data":{"lastUpdateId":1,"bids":[["1","2"]],"asks":[["2","2"]]}}',
        b'{"stream":"a@depth20@100ms","data":{"lastUpdateId":2,"bids":[["x","2"]],"asks":[]}}',
        b'{"stream":"a@bookTicker","data":{"u":1,"s":"A","b":"1.0","B":"2.0","a":"2.0","A":"2"}}',
    ]
    path = tmp_path / "spot_a"
    path.write_bytes(b"".join(b"%d %b\n" % (1_700_000_000_000_000_000 + at, line) for at, line in enumerate(lines)))
    demo = start("--recording", str(path), folder=tmp_path)
    out, err = demo.communicate(timeout=60)

    assert demo.returncode == 0, out + err
    assert figures(out) == {
        "messages in": "3",
        "records out": "1",
        "faults": "1",
        "ignored": "1",
        "bid/ask = bookTicker": "1/1",
        "trade_delta = trades": "1/1",
    }
    assert "bad_number 1" in out


def test_a_wrong_figure_is_exit_code_1(tmp_path: Path) -> None:
    lines = [
        b'{"stream":"a@depth20@100ms","data":{"lastUpdateId":1,"bids":[["1","2"]],"asks":[["2","2"]]}}',
        b'{"stream":"a@bookTicker","data":{"u":1,"s":"A","b":"1.5","B":"2.0","a":"2.0","A":"2"}}',
    ]
    path = tmp_path / "spot_a"
    path.write_bytes(b"".join(b"%d %b\n" % (1_700_000_000_000_000_000 + at, line) for at, line in enumerate(lines)))
    demo = start("--recording", str(path), folder=tmp_path)
    out, err = demo.communicate(timeout=60)

    assert demo.returncode == 1, out + err
    assert "expected best bid and ask (1.5, 2.0, 2.0, 2.0), received (1.0, 2.0, 2.0, 2.0)" in out


@pytest.mark.recordings
def test_recordings_have_the_same_figures_as_measure(recordings: Path, tmp_path: Path) -> None:
    files = sorted(map(str, (recordings / "sample").glob("*.gz")))
    demo = start("--speed", "30", "--recording", *files, folder=tmp_path)
    out, err = demo.communicate(timeout=110)

    assert demo.returncode == 0, out + err
    assert figures(out) == {
        "messages in": "43,441",
        "records out": "3,522",
        "faults": "0",
        "ignored": "39,919",
        "bid/ask = bookTicker": "3,504/3,504",
        "trade_delta = trades": "3,522/3,522",
    }
