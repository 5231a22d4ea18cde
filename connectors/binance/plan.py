"""Which symbols share a socket.

Rule 1: all streams of a symbol that the exchange serves on one path lie on one line.
Rule 2: a line holds no more streams than a connection may have, and no more messages a second than asked for.
Rule 3: who is there stays there. A new symbol goes to the fullest line that has room; a removed one leaves a hole for the
        next. So nothing moves but what is added or removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.binance.line import Line
from connectors.streams import Kind

_PER_SECOND: Final = {Kind.TRADE: 10, Kind.AGG_TRADE: 5, Kind.BOOK_TICKER: 50}
"""Estimates of a symbol's messages a second: the mean of the busier ones. Depth tells it by its name."""

_UNNAMED_SPEED_MS: Final = 250
"""Speed of a depth stream whose name tells none (futures; spot: 1000)."""


def messages_per_second(suffix: str, kind: Kind) -> int:
    """An estimate of what the stream ``suffix`` of a symbol brings.

    >>> messages_per_second("depth20@100ms", Kind.PARTIAL)
    10
    """
    if kind in _PER_SECOND:
        return _PER_SECOND[kind]
    speed = suffix.rpartition("@")[2] if "@" in suffix else f"{_UNNAMED_SPEED_MS}ms"
    # 0ms is as fast as the exchange likes: about every 50 ms.
    return 1000 // max(int(speed.removesuffix("ms")), 50)


def line_with_room(
    lines: Iterable[Line], path: str, streams: int, rate: int, *, most_streams: int, most_messages: int
) -> Line | None:
    """The fullest line of ``path`` that takes ``streams`` more of together ``rate`` messages a second; None: a new one."""
    room = [
        line
        for line in lines
        if line.path == path
        and len(line.streams) + streams <= most_streams
        and (not line.streams or line.rate + rate <= most_messages)
    ]
    return max(room, key=lambda line: len(line.streams), default=None)
