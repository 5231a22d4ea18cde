"""Commands configure logging for their process; a test's process goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Take back what a command did to the process's logging."""
    root, kafka = logging.getLogger(), logging.getLogger("obi.kafka")
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    kafka.setLevel(logging.NOTSET)
    structlog.reset_defaults()
