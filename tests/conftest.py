"""Fixtures of every tier: the embedded broker, the recordings; and the one place where Hypothesis is set up."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from connectors.embedded import EmbeddedBroker
from tests.kafka_dist import HOW_TO_GET_IT
from tests.needs import NO_KAFKA, RECORDINGS, unmet

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.kafka_fixtures"]

# No deadline: the machine is shared with a broker, and a slow example is not a wrong one.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# CI looks at the same examples each time: a red run means that the change is at fault.
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# A shell starts what it puts into the background with SIGINT ignored, and children inherit that: Ctrl-C tests would hang.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    """A fresh broker in this process (see its limits there); `embedded.bootstrap_servers` is its address."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the recorded market data, which is not part of the project."""
    if not (RECORDINGS / "sample").is_dir():
        unmet(
            "RECORDINGS",
            f"there are no recordings in {os.path.relpath(RECORDINGS)} (OBI_RECORDINGS_DIR names another place)",
        )
    return RECORDINGS


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """When tests were skipped for want of a real Kafka, say so last, and how to get one."""
    yield
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_KAFKA in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"SKIPPED {len(skipped)} tests. {HOW_TO_GET_IT}", yellow=True, bold=True)
