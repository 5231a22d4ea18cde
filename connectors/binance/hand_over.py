"""The seam between two sockets that carry the same stream: no message lost, none twice, none out of order.

Rule 1: each socket brings a stream in order and without a hole, from its first message on. So once the next socket has
        brought something that passed already, or exactly what comes next, it can stand in for the old one.
Rule 2: until then what it brings is held: the old socket may still have messages that lie before. They pass first.
Rule 3: nothing is held longer than ``HOLD_S``, and nothing at all when the old socket is replaced because it is silent or late.
Rule 4: what passes must be newer than what passed (``Stream.is_new``); the rest is the double of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.binance.line import Line, Socket
from connectors.binance.stream import Frame, Stream
from connectors.streams import Kind

HOLD_S: Final = 1.0

_TRUSTED: Final = frozenset({"lifetime", "shutdown", "unanswered"})
"""Reasons for a hand-over from a socket that still works."""

_COUNTED: Final = frozenset({Kind.TRADE, Kind.AGG_TRADE})
"""Kinds whose ids count by one."""


def arrive(line: Line, socket: Socket, stream: Stream, frame: Frame, now_s: float) -> Sequence[Frame]:
    """The frames that may pass now that ``frame`` came on ``socket``, in order; doubles are among them."""
    socket.seen.add(stream.name)
    if socket is line.coming and stream.joined != socket.number:
        if line.why in _TRUSTED and _may_lie_behind(stream, frame):
            if not stream.held:
                stream.held_s = now_s
            stream.held_by = socket.number
            stream.held.append(frame)
            return ()
        stream.joined = socket.number
        return (*_release(stream), frame)
    if not stream.held:
        return (frame,)
    if socket.number == stream.held_by:  # it has taken over: the old one ended
        return (*_release(stream), frame)
    if frame.ids[1] < stream.held[0].ids[1]:
        return (frame,)
    stream.joined = stream.held_by
    return (frame, *_release(stream))


def overdue(line: Line, now_s: float) -> list[tuple[Stream, Sequence[Frame]]]:
    """Frames that were held long enough, by stream."""
    late = [stream for stream in line.streams.values() if stream.held and now_s - stream.held_s >= HOLD_S]
    for stream in late:
        stream.joined = stream.held_by
    return [(stream, _release(stream)) for stream in late]


def _may_lie_behind(stream: Stream, frame: Frame) -> bool:
    """Whether messages that did not pass yet may lie before ``frame``."""
    event_ms, update_id, first_id, previous_id = frame.ids
    del event_ms
    last_id = stream.last_id
    if last_id < 0 or update_id <= last_id:
        return False
    if stream.kind in _COUNTED:
        return update_id > last_id + 1
    if first_id is not None:
        return previous_id != last_id if previous_id is not None else first_id > last_id + 1
    return True


def _release(stream: Stream) -> list[Frame]:
    held, stream.held = stream.held, []
    return held
