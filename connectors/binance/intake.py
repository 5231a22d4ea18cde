"""What arrives on the sockets, and where it goes: the hot path of the feed.

Rule 1: everything that arrives is written, byte by byte as it came. Left out are only the exchange's answers to us, its
        ``serverShutdown``, and what both sockets of a hand-over bring (the second time).
Rule 2: what a message is, its stream's name tells; of its payload only ids and event time are read.
Rule 3: a frame that is no JSON object of a known stream is written without a key: the job files it under faults. A large
        one whose head and end look right is taken for whole, since parsing it would cost more than all the rest.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from connectors.binance.actions import Write
from connectors.binance.fleet import Fleet
from connectors.binance.frame_head import END, SMALL, STREAM, Ids
from connectors.binance.hand_over import arrive, overdue
from connectors.binance.outbox import Outbox
from connectors.binance.snapshots import Snapshots
from connectors.binance.stream import Frame, Stream
from connectors.streams import Kind, parse_stream

SHUTDOWN: Final = "serverShutdown"


class Intake:
    """Frames in, writes out.

    Attributes:
        streams: The wanted ones, by name.
    """

    def __init__(self, fleet: Fleet, snapshots: Snapshots, out: Outbox) -> None:
        self.streams: dict[str, Stream] = {}
        self._fleet = fleet
        self._sockets = fleet.sockets
        self._snapshots = snapshots
        self._actions = out.actions
        self._status = out.status

    def frame(self, socket: int, data: bytes, recv_ns: int, now_s: float) -> None:
        """One WebSocket message of socket ``socket``."""
        found = self._head(data) if len(data) > SMALL else None
        if found is None:
            found = self._parse(socket, data, recv_ns, now_s)
            if found is None:
                return
        stream, ids = found
        stream.heard_s = now_s
        owner = self._sockets.get(socket)
        if owner is not None:
            owner.frame_s = now_s
            if ids[0] is not None:
                lag_ms = recv_ns // 1_000_000 - ids[0]
                if owner.lag_ms is None or lag_ms < owner.lag_ms:
                    owner.lag_ms = lag_ms
            if owner.line.overlapping:
                for frame in arrive(owner.line, owner, stream, Frame(ids, data, recv_ns), now_s):
                    self._pass_once(stream, frame, now_s)
                return
        # A partial book is sent again while nothing changes; that is no repetition.
        last_id = stream.last_id
        if not stream.is_new(ids, recv_ns) and (stream.kind is not Kind.PARTIAL or ids[1] < last_id):
            self._status.repeated += 1
        self._pass(stream, ids, data, recv_ns, now_s)

    def tick(self, now_s: float) -> None:
        """Pass what a hand-over held long enough."""
        for line in self._fleet.lines:
            if line.overlapping:
                for stream, frames in overdue(line, now_s):
                    for frame in frames:
                        self._pass_once(stream, frame, now_s)

    def _pass_once(self, stream: Stream, frame: Frame, now_s: float) -> None:
        """A message that two sockets may bring."""
        if stream.is_new(frame.ids, frame.recv_ns):
            self._pass(stream, *frame, now_s)
        else:
            self._status.dropped += 1

    def _pass(self, stream: Stream, ids: Ids, data: bytes, recv_ns: int, now_s: float) -> None:
        self._status.frames += 1
        self._actions.append(Write(stream.symbol, data, [("recv_ns", b"%d" % recv_ns)]))
        if stream.book is not None:
            self._snapshots.difference(stream.book, ids, data, recv_ns, now_s)

    def _head(self, data: bytes) -> tuple[Stream, Ids] | None:
        """The stream and the ids of a large frame, by its first bytes; None when they don't tell."""
        match = STREAM(data)
        stream = self.streams.get(match[1].decode("utf-8", "replace")) if match is not None else None
        ids = stream.read(data) if stream is not None and data.endswith(END) else None
        return None if stream is None or ids is None else (stream, ids)

    def _parse(self, socket: int, data: bytes, recv_ns: int, now_s: float) -> tuple[Stream, Ids] | None:
        """The stream and the ids of a frame, parsed as a whole; None when it is done with."""
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            document = None
        symbol = None
        if type(document) is dict:
            name, payload = document.get("stream"), document.get("data")
            if type(name) is str and type(payload) is dict:
                stream = self.streams.get(name)
                ids = stream.pick(payload) if stream is not None else None
                if stream is not None and ids is not None:
                    return stream, ids
                if parsed := parse_stream(name):
                    symbol = parsed[0]  # without its ids, or not wanted any more
            if symbol is None and self._is_told_to_us(socket, document, now_s):
                return None
        if symbol is None:
            self._status.frames_bad += 1
        else:
            self._status.frames += 1
        self._actions.append(Write(symbol, data, [("recv_ns", b"%d" % recv_ns)]))
        return None

    def _is_told_to_us(self, socket: int, document: dict[str, Any], now_s: float) -> bool:
        """Whether this is no message of a stream but the exchange's word to us."""
        name = document.get("stream")
        if document.get("e") == SHUTDOWN or name == f"!{SHUTDOWN}":
            self._fleet.shutdown(socket)
            return True
        if name is None and document.keys() & {"id", "result", "error", "code"}:
            self._fleet.answered(socket, *read_answer(document), now_s)
            return True
        return False


def read_answer(document: dict[str, Any]) -> tuple[int, str | None]:
    """(number of the message that is answered or 0, what was wrong or None) of the exchange's answer to us.

    >>> read_answer({"error": {"code": 2, "msg": "Invalid request"}, "id": 7})
    (7, '2 Invalid request')
    """
    number = document.get("id")
    error = document.get("error", document)
    told = [error[name] for name in ("code", "msg") if name in error] if isinstance(error, dict) else [error]
    return number if type(number) is int else 0, " ".join(map(str, told)) or None
