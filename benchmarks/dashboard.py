"""What the dashboard's server costs, and whether its page is fluent: ``python -m benchmarks.dashboard`` (Linux, chromium).

A simulated market of 20 instruments goes on in a process of its own, as fast as the clock; the server reads its topics, first
without a viewer, then with one page open in a headless browser. CPU is user and system time of the server's process, by
/proc. Fluent is a page that is brought up to date twice a second, which is what the server aims at.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from connectors.embedded import EmbeddedBroker
from docs.take_pictures import chromium
from tests.browser.conftest import TOPICS, LiveMarket
from tests.deployment import environment

_WARM_UP_S: Final = 15.0
_SHOWN: Final = "return window.Bokeh?.documents?.[0]?.get_model_by_name('view')?.shown ?? 0"
_HERTZ: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HERTZ


def share(pid: int, seconds: float) -> float:
    """Share of a core that a process takes in the next seconds."""
    before, start = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(pid) - before) / (time.monotonic() - start)


@contextmanager
def child(*arguments: str, until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of ours in an empty folder, once it has said what matches ``until``; and the match's first group."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", *arguments]
        with subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                yield process, next(found[1] for line in process.stderr if (found := re.search(until, line)))
            finally:
                process.terminate()
                process.communicate()


def market(servers: str, instruments: int) -> None:
    """Feed it until SIGTERM."""
    live = LiveMarket(servers, instruments)
    while live.seconds < 1.0:
        time.sleep(0.1)
    print("market of", servers, file=sys.stderr, flush=True)
    while True:
        time.sleep(1.0)


def measure(instruments: int, seconds: float) -> tuple[float, float, float]:
    """Shares of a core without and with a viewer, and how often a second the page was brought up to date."""
    with EmbeddedBroker() as broker:
        broker.create(*TOPICS)
        servers = broker.bootstrap_servers
        fed = child(
            "benchmarks.dashboard", "--feed", servers, "--instruments", str(instruments), until="market of (.*)"
        )
        shown = child("obi", "dashboard", "--port", "0", "--bootstrap-servers", servers, until=r"is at (http\S+)")
        with fed, shown as (server, address):
            time.sleep(_WARM_UP_S)
            alone = share(server.pid, seconds)
            with chromium() as browser:
                browser.get(address)
                time.sleep(_WARM_UP_S)
                before, start = browser.execute_script(_SHOWN), time.monotonic()
                viewed = share(server.pid, seconds)
                rate = (browser.execute_script(_SHOWN) - before) / (time.monotonic() - start)
            return alone, viewed, rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--instruments", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--feed", metavar="SERVERS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.feed:
        market(given.feed, given.instruments)
    alone, viewed, rate = measure(given.instruments, given.seconds)
    table = Table(title=f"the dashboard's server, {given.instruments} instruments, {given.seconds:g} s each")
    for column in ("", "share of a core", "page updates/s"):
        table.add_column(column, justify="right" if column else "left")
    table.add_row("nobody looks", f"{alone:.0%}", "")
    table.add_row("one page open", f"{viewed:.0%}", f"{rate:.1f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
