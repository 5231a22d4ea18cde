"""The grammar of stream names: which kind of message a stream carries, and of which symbol.

Owns the list of streams that the pipeline understands. The payload's own shape is no witness: a futures partial book
and a futures difference look the same, and only the name tells them apart.
"""

from __future__ import annotations

import enum
import re
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


_STREAM: Final = re.compile(
    r"(?P<symbol>[^@\s]+)@(?:"
    r"(?P<partial>depth[1-9][0-9]*(?:@[0-9]+m?s)?|restdepth[1-9][0-9]*)"
    r"|(?P<diff>depth(?:@[0-9]+m?s)?)"
    r"|(?P<named>snapshot|trade|aggTrade|bookTicker))"
)


def parse_stream(name: str) -> tuple[str, Kind] | None:
    """(symbol in upper case, kind) of a stream name; None when it is none of ours.

    >>> parse_stream("btcusdt@depth20@100ms")
    ('BTCUSDT', <Kind.PARTIAL: 'partial'>)
    """
    match = _STREAM.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"].upper()
    if match["partial"]:
        return symbol, Kind.PARTIAL
    if match["diff"]:
        return symbol, Kind.DIFF
    return symbol, Kind(match["named"])
