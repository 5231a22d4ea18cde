"""Owns what is on the tape: one message of the exchange, which family of streams it is of, and the ids in it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

SNAPSHOT: Final = "snapshot"
"""Stream of a recorded REST snapshot; ``data`` is the body."""

RESTART: Final = "restart"
"""Stream of a message that is not sent: the tape of this symbol begins anew, and its book is not known."""

_ENVELOPE: Final = re.compile(rb'\s*\{\s*"stream"\s*:\s*"([^"\\]+)"\s*,\s*"data"\s*:\s*')
_UPDATE_ID: Final = re.compile(rb'"(?:u|lastUpdateId)"\s*:\s*(\d+)')
_TRADE_ID: Final = re.compile(rb'"t"\s*:\s*(\d+)')
_AGGREGATE_ID: Final = re.compile(rb'"a"\s*:\s*(\d+)')
_IDS: Final = {"trade": _TRADE_ID, "aggTrade": _AGGREGATE_ID}


class Message(NamedTuple):
    """One message of the tape.

    Attributes:
        time_ns: when it is due, on the tape's own clock.
        symbol: upper case.
        stream: name without the symbol, e.g. "depth@100ms"; or SNAPSHOT, RESTART.
        data: JSON of the payload.
        payload: the combined envelope as it is sent; empty for SNAPSHOT and RESTART.
    """

    time_ns: int
    symbol: str
    stream: str
    data: bytes
    payload: bytes

    @property
    def family(self) -> str:
        """See `family_of`."""
        return family_of(self.stream)

    @property
    def id(self) -> int | None:
        """Its update, trade or aggregate id."""
        match = _IDS.get(self.stream, _UPDATE_ID).search(self.data)
        return int(match[1]) if match else None

    @property
    def is_trade(self) -> bool:
        """Whether it tells of trades."""
        return self.stream in _IDS


def family_of(stream: str) -> str:
    """The stream's name without its speed, "depth@100ms" and "depth@0ms" being one thing at two speeds.

    >>> family_of("depth20@100ms")
    'depth20'
    """
    return stream.partition("@")[0]


def route_of(family: str) -> str:
    """The family by which routes are told apart: a partial depth goes where depth goes."""
    return "depth" if family.startswith("depth") else family


def enveloped(name: bytes, data: bytes) -> bytes:
    """The combined envelope of a payload."""
    return b'{"stream":"%b","data":%b}' % (name, data)


def opened(payload: bytes) -> tuple[str, bytes] | None:
    """(stream name with symbol, data) of a combined envelope; None when it is none."""
    match = _ENVELOPE.match(payload)
    if match is None:
        return None
    return match[1].decode("utf-8", "replace"), payload[match.end() : payload.rindex(b"}")].rstrip()
