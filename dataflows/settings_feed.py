"""The settings of a live feed: which instruments, which streams, and how the exchange is asked.

Owns their names, defaults, limits and descriptions. They are part of ``Settings``, so that one ``obi.toml`` and one
environment serve the feed and the job.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, field_validator

from dataflows.settings_field import Seconds, setting

_A_TIME = "a time such as 500ms, 1s, 10m or 1h (a bare number is in seconds)"
_LONGEST_S = 7 * 86_400.0


class FeedSettings(BaseModel):
    """What ``obi feed binance-...`` may be told besides the broker and the raw topic."""

    streams: str = setting(
        "depth20@100ms,trade", "Streams of each symbol, as the exchange names them.", "names, separated by commas"
    )
    symbols_file: Path | None = setting(
        None,
        "A file with symbols, one a line or separated by commas or blanks (# begins a remark); read again when it changes.",
        "a file",
        metavar="FILE",
    )
    top: int = setting(
        0, "So many symbols with the largest turnover of the last 24 hours, too.", "0 .. 1000", "symbols", ge=0, le=1000
    )
    rest_s: Seconds | None = setting(
        None,
        "Poll whole books by REST in this interval, and open no WebSocket; unset uses the streams.",
        f"{_A_TIME}, 100ms .. 1h",
        metavar="TIME",
        ge=0.1,
        le=3600.0,
    )
    audit_interval_s: Seconds = setting(
        600.0,
        "Time between two REST snapshots of each symbol with a stream of differences, which its book is checked against.",
        f"{_A_TIME}, 1s .. 7d",
        metavar="TIME",
        ge=1.0,
        le=_LONGEST_S,
    )
    give_up_after_s: Seconds = setting(
        0.0,
        "End with exit code 3 when the exchange can't be reached for so long; 0 tries for ever.",
        f"{_A_TIME}, 0 .. 7d",
        metavar="TIME",
        ge=0.0,
        le=_LONGEST_S,
    )
    streams_per_connection: int | None = setting(
        None, "Streams of one WebSocket; unset is what is known to be safe.", "1 .. 1024", "streams", ge=1, le=1024
    )

    @field_validator("symbols_file")
    @classmethod
    def _expand_home_of_symbols(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()
