"""The grammar of stream names: which kind of message a stream carries, and of which symbol.

Owns the list of streams that the pipeline understands. The payload's own shape is no witness: a futures partial book
and a futures difference look the same, and only the name tells them apart.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import Final


class Kind(enum.Enum):
    """What a message is."""

    PARTIAL = "partial"
    DIFF = "diff"
    SNAPSHOT = "snapshot"
    TRADE = "trade"
    AGG_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    NORMALISED = "normalised"
    """A partial book in the venue-neutral form; never named by a stream."""

    # There is one of each, so identity will do; the library's own hash is a call of Python for every look into a table.
    __hash__ = object.__hash__


_STREAM: Final = re.compile(
    r"(?P<symbol>[^@\s]+)@(?:"
    r"(?P<partial>depth[1-9][0-9]*(?:@[0-9]+m?s)?|restdepth[1-9][0-9]*)"
    r"|(?P<diff>depth(?:@[0-9]+m?s)?)"
    r"|(?P<named>snapshot|trade|aggTrade|bookTicker))"
)

_LONGEST: Final = 128
"""Longer names are answered, not remembered: nothing that a sender can do may fill the memory."""


def parse_stream(name: str) -> tuple[str, Kind] | None:
    """(symbol in upper case, kind) of a stream name; None when it is none of ours.

    >>> parse_stream("btcusdt@depth20@100ms")
    ('BTCUSDT', <Kind.PARTIAL: 'partial'>)
    """
    return _parse_short(name) if len(name) <= _LONGEST else _parse_anew(name)


@lru_cache(maxsize=8192)
def _parse_short(name: str) -> tuple[str, Kind] | None:
    return _parse_anew(name)


def _parse_anew(name: str) -> tuple[str, Kind] | None:
    match = _STREAM.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"].upper()
    if match["partial"]:
        return symbol, Kind.PARTIAL
    if match["diff"]:
        return symbol, Kind.DIFF
    return symbol, Kind(match["named"])
