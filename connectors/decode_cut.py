"""A depth message cut in three: before the levels, the levels, the end.

Owns the proof that the levels belong to the payload. Before and closing braces together parse as an object of their own,
the head. The head is JSON and nothing but braces follows the cut in it, so the cut is in no string, and the first of the
braces closes the object that the levels stand in. That object is the payload: it is the root (one brace), or the last
member of a root whose only fields are text ``stream`` and object ``data`` (two). It has a field before the levels, so
the comma before them is right. What stands between the levels and the braces is, after ``{"":""``, an object as well.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import orjson

from connectors.decode_plain import Payload

_LONGEST_END: Final = 64
"""Bytes of an end that is read (and remembered): braces, and the few fields that a venue may add there."""

_ENVELOPED: Final[tuple[bytes, Payload] | None] = b"}}", {}

_LEVELS: Final = frozenset({"b", "a", "bids", "asks"})


def cut(value: bytes) -> tuple[str | None, Payload, bytes] | None:
    """(envelope's stream name, payload without its levels, text of the levels); None when it can't be cut.

    The text of the levels is still to be proved: see ``connectors.decode_skeleton``.
    """
    start = value.find(b',"b":[')
    if start < 0:
        start = value.find(b',"bids":[')
        if start < 0:
            return None
    if value.endswith(b"]}}"):  # nearly always
        stop, end = len(value) - 2, _ENVELOPED
    else:
        stop = value.rfind(b"]") + 1
        end = _read_end(value[stop:]) if len(value) - stop <= _LONGEST_END else None
    if end is None:
        return None
    braces, fields = end
    try:
        payload = orjson.loads(value[:start] + braces)
    except orjson.JSONDecodeError:
        return None
    envelope = None
    if braces == b"}}":
        if len(payload) != 2:
            return None
        envelope, payload = payload.get("stream"), payload.get("data")
        if type(envelope) is not str or type(payload) is not dict:
            return None
    if not payload:
        return None
    if fields:
        payload.update(fields)
    if "bids" in payload or "asks" in payload or (envelope is None and "stream" in payload):
        return None
    return envelope, payload, value[start + 1 : stop]


@lru_cache(maxsize=256)
def _read_end(end: bytes) -> tuple[bytes, Payload] | None:
    """(closing braces, fields before them) of what follows the levels; None when it is anything else.

    The fields are complete with one brace closing the message or with two, never with both.
    """
    for braces in (b"}}", b"}"):
        if not end.endswith(braces):
            continue
        try:
            fields: Payload = orjson.loads(b'{"":""' + end[: -len(braces)] + b"}")
        except orjson.JSONDecodeError:
            continue
        del fields[""]
        return (braces, fields) if fields.keys().isdisjoint(_LEVELS) else None
    return None
