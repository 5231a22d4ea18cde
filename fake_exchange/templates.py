"""Owns how one message of a tape is sent again, under another symbol, with clocks and ids that have gone on.

A message is cut once into fixed text and the few places that change; sending it again is one formatting of bytes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fake_exchange.messages import SNAPSHOT, Message, enveloped

_HEAD: Final = 320
"""Bytes of a depth message that may hold clocks and ids; after them come levels, which are long and have none."""

_NUMBER: Final = rb'"(?P<name>E|T|U|u|pu|lastUpdateId|t|a|f|l)":(?P<value>\d+)\b'
_CLOCKS: Final = frozenset({b"E", b"T"})
_UPDATE_IDS: Final = frozenset({b"U", b"u", b"pu", b"lastUpdateId"})
_MICROSECONDS: Final = 16


class Shift(NamedTuple):
    """How far a later round lies behind the first one."""

    ns: int
    update_id: int
    trade_id: int


class Template:
    """One message, to be sent many times.

    Args:
        message: as it was sent first.

    Attributes:
        time_ns: when it was.
    """

    def __init__(self, message: Message) -> None:
        self._message = message
        self.time_ns = message.time_ns
        data = message.data
        depth = message.stream.startswith(("depth", SNAPSHOT))
        end = min((place for key in (b'"b":[', b'"bids":[') if (place := data.find(key)) >= 0), default=0)
        head, tail = (data[:end], data[end:]) if depth and end <= _HEAD else (data, b"")
        pattern = re.compile(_NUMBER + rb'|(?<=")(?P<symbol>' + re.escape(message.symbol.encode()) + rb')(?=")')
        self._places: list[tuple[int, int]] = []
        parts, at = [], 0
        for match in pattern.finditer(head):
            start = match.start("symbol") if match["symbol"] else match.start("value")
            parts.append(head[at:start].replace(b"%", b"%%"))
            parts.append(b"%b" if match["symbol"] else b"%d")
            self._places.append((-1, 0) if match["symbol"] else (_kind(match), int(match["value"])))
            at = match.end()
        parts.append((head[at:] + tail).replace(b"%", b"%%"))
        self._text = b"".join(parts)

    def sent(self, symbol: str, shift: Shift) -> Message:
        """The message under a symbol, later."""
        steps = (shift.ns // 1_000_000, shift.ns // 1_000, shift.update_id, shift.trade_id)
        name = symbol.encode()
        data = self._text % tuple([name if kind < 0 else value + steps[kind] for kind, value in self._places])
        stream = self._message.stream
        payload = b"" if stream == SNAPSHOT else enveloped(f"{symbol.lower()}@{stream}".encode(), data)
        return Message(self.time_ns + shift.ns, symbol, stream, data, payload)


def _kind(match: re.Match[bytes]) -> int:
    """Which of the steps moves this number."""
    if match["name"] in _CLOCKS:
        return 1 if len(match["value"]) == _MICROSECONDS else 0
    return 2 if match["name"] in _UPDATE_IDS else 3
