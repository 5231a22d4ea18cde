"""A real browser, a live market in an embedded broker, and the dashboard between them as a user starts it.

Debian's chromium and its driver; without them the tests are skipped, or fail where OBI_REQUIRE_BROWSER=1.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

from connectors.embedded import EmbeddedBroker
from connectors.raw import RawBatch
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.settings import Settings
from simulator import default_instruments, simulate
from tests.deployment import environment
from tests.needs import unmet

TOPICS = ("depth.raw", "depth.metrics", "depth.faults")
SECONDS = 600.0
INSTRUMENTS = 3


class LiveMarket:
    """A simulated market, as fast as the clock: raw messages, and the job's records of them, in the topics.

    Attributes:
        records: By instrument and offset of the raw message that caused it.
        seconds: How much of the market was fed.
    """

    def __init__(self, servers: str, instruments: int = INSTRUMENTS) -> None:
        self._instruments = instruments
        self.records: dict[tuple[str, int], dict[str, Any]] = {}
        self.seconds = 0.0
        self._producer = Producer({"bootstrap.servers": servers})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="market")
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def fault(self, reason: str) -> None:
        headers = {"obi.reason": reason.encode(), "obi.detail": b"expected <b>JSON</b>"}
        self._producer.produce(TOPICS[2], b"{", "binance-spot:BTCUSDT", 0, headers=dict(headers))

    def _run(self) -> None:
        for result in measure_batches(pipeline_of(Settings(), Counts()), self._raw()):
            for value in result.records:
                record = orjson.loads(value)
                key = f"{record['venue']}:{record['symbol']}"
                self.records[key, record["source"]["offset"]] = record
                self._producer.produce(TOPICS[1], value, key, 0)
            self._producer.poll(0)

    def _raw(self) -> Iterator[RawBatch]:
        """A batch each tenth of a second, which was produced as well."""
        events = simulate(default_instruments(self._instruments), seconds=SECONDS, seed=7)
        first_ns, start = 0, time.monotonic()
        batch = RawBatch(TOPICS[0])
        for offset, event in enumerate(events):
            first_ns = first_ns or event.recv_ns
            self.seconds = (event.recv_ns - first_ns) / 1e9
            while self.seconds > time.monotonic() - start:
                if len(batch):
                    yield batch
                    batch = RawBatch(TOPICS[0])
                if self._stop.wait(0.1):
                    return
            key = f"{event.venue}:{event.symbol}".encode()
            headers = [("recv_ns", b"%d" % event.recv_ns)]
            self._producer.produce(TOPICS[0], event.payload, key, 0, headers=dict(headers))
            batch.append(event.payload, key=key, headers=headers, offset=offset)


@contextmanager
def dashboard(servers: str, folder: Path, *flags: str) -> Iterator[str]:
    """``obi dashboard`` as a process; gives the address that it prints."""
    command = [sys.executable, "-m", "obi", "dashboard", "--bootstrap-servers", servers, "--port", "0", *flags]
    with subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = ""
            for line in process.stderr:
                said += line
                found = re.search(r"the dashboard is at (\S+)", line)
                if found:
                    yield found[1]
                    break
            else:
                raise AssertionError(said)
        finally:
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode == 0


@pytest.fixture(scope="session")
def market() -> Iterator[tuple[str, LiveMarket]]:
    """A broker's address and the market in it."""
    with EmbeddedBroker() as broker:
        broker.create(*TOPICS)
        live = LiveMarket(broker.bootstrap_servers)
        yield broker.bootstrap_servers, live
        live.close()


@pytest.fixture(scope="session")
def address(market: tuple[str, LiveMarket], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page on loopback."""
    with dashboard(market[0], tmp_path_factory.mktemp("dashboard")) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    """The browser; it reaches this machine and nothing else."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        unmet(
            "BROWSER", "there is no chromium with its chromedriver (Debian: apt-get install chromium chromium-driver)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",  # continuous integrations run as root
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    try:
        browser = webdriver.Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        unmet("BROWSER", f"chromium does not start: {error.msg}")
    yield browser
    browser.quit()
