"""Logs: structured, to standard error, readable lines on a terminal and JSON elsewhere, no secrets.

Owns how everything that is logged in the process looks, by structlog or by ``logging`` (librdkafka's lines too).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

_SECRET: Final = re.compile(r"password|secret|token|jaas|credential|\.pem$|^kafka$", re.IGNORECASE)
_HIDDEN: Final = "***"


def configure_logs(level: str = "info", form: str = "auto") -> None:
    """Set up logging for this process; a second call replaces the first.

    Args:
        level: least important level to show: debug, info, warning or error.
        form: ``console``, ``json``, or ``auto``: console when standard error is a terminal.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = _Handler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put stars in the place of values whose names say that they are secret, in mappings inside too."""
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: object) -> object:
    if _SECRET.search(name):
        return _HIDDEN
    if isinstance(value, Mapping):
        return {key: _hidden(str(key), item) for key, item in value.items()}
    return value


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for type checkers only, before Python 3.11
    """Ours, so that it can be told from others; writes to what standard error is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """Standard error, looked up each time: progress bars and tests put another one in its place."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        """Stay with standard error."""
