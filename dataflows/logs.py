"""Logs: structured lines on standard error, for people on a terminal, as JSON elsewhere.

Owns the one configuration of structlog and of the standard ``logging`` that libraries write to; both come out alike.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal, TypeAlias

import structlog

Format: TypeAlias = Literal["auto", "console", "json"]


def configure_logs(level: str = "info", form: Format = "auto") -> None:
    """Send everything of ``level`` (debug, info, warning, error) and above to standard error.

    Args:
        level: The least important level that is shown.
        form: ``console`` for people, ``json`` for machines; ``auto`` asks whether standard error is a terminal.
    """
    pretty = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
        ]  # no locals: they may be secrets
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]
    )
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *renderer])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
