"""Depth messages cut in three: before the levels, the levels, the end.

Owns the proof that the levels belong to the payload:

1. The end is, after ``{"":""``, an object's fields (or none) and its closing brace, or that and one brace more. It has no
   backslash, so its quotes are even in number.
2. Before and end together are JSON: the head. So the quotes before are even too, the cut is in no string, and the levels
   stand in the object that the first of the braces closes.
3. That object is the payload: the root (one brace), or the last member of a root whose only fields are the text
   ``stream`` and the object ``data`` (two).
4. The payload has a field before the levels, so the comma before them is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import orjson

from connectors.columns import Table
from connectors.decode_plain import Payload

_LONGEST_END: Final = 64
"""Bytes of an end that is read (and remembered): braces, and the few fields that a venue may add there."""

_LEVELS: Final = frozenset({"b", "a", "bids", "asks"})

_ENVELOPED: Final = b"}}"


@dataclass(slots=True)
class Heads(Table):
    """Messages that were cut, column by column.

    Attributes:
        indexes: In the poll.
        envelopes: Stream names of the envelopes, None without one.
        payloads: Fields of the payloads, without the levels.
        pieces: The text of the levels, still to be proved: see ``connectors.decode_skeleton``.
    """

    indexes: list[int]
    envelopes: list[Any]
    payloads: list[Payload]
    pieces: list[bytes]


def cut(values: list[bytes | None], span: range, max_bytes: int) -> list[Heads]:
    """Cut the messages of ``span``; those that can't be cut are left out. Enveloped and bare ones come apart."""
    enveloped, bare = Heads([], [], [], []), Heads([], [], [], [])
    for index, value in zip(span, values[span.start : span.stop], strict=True):
        if value is None or len(value) > max_bytes:
            continue
        start = value.find(b',"b":[')
        if start < 0:
            start = value.find(b',"bids":[')
            if start < 0:
                continue
        if value.endswith(b"]}}"):  # nearly always
            stop, end, heads = len(value) - 2, _ENVELOPED, enveloped
        else:
            stop = value.rfind(b"]") + 1
            end = value[stop:]
            braces = _count_braces(end) if len(end) <= _LONGEST_END else 0
            if not braces:
                continue
            heads = enveloped if braces == 2 else bare
        try:
            head = orjson.loads(value[:start] + end)
        except orjson.JSONDecodeError:
            continue
        heads.indexes.append(index)
        heads.payloads.append(head)
        heads.pieces.append(value[start + 1 : stop])
    return [heads for heads in (_open(enveloped), _close(bare)) if heads.indexes]


@lru_cache(maxsize=256)
def _count_braces(end: bytes) -> int:
    """How many braces close a message with this end, 1 or 2; 0 when it is no end (rule 1) or brings levels itself.

    An end is complete with one brace or with two, never with both.
    """
    for braces in (2, 1):
        if not end.endswith(b"}" * braces) or b"\\" in end:
            continue
        try:
            own: Payload = orjson.loads(b'{"":""' + end[: len(end) - braces] + b"}")
        except orjson.JSONDecodeError:
            continue
        return braces if own.keys().isdisjoint(_LEVELS) else 0
    return 0


def _open(heads: Heads) -> Heads:
    """Enveloped heads with their stream names and payloads (rule 3)."""
    roots = heads.payloads
    if not set(map(len, roots)) <= {2}:
        heads = heads.only(len(root) == 2 for root in roots)
        roots = heads.payloads
    heads.envelopes = list(map(dict.get, roots, repeat("stream")))
    heads.payloads = [root.get("data", {}) for root in roots]
    if set(map(type, heads.envelopes)) <= {str} and set(map(type, heads.payloads)) <= {dict}:
        return _close(heads)
    pairs = zip(heads.envelopes, heads.payloads, strict=True)
    return _close(heads.only(type(envelope) is str and type(payload) is dict for envelope, payload in pairs))


def _close(heads: Heads) -> Heads:
    """Heads whose payloads have a field (rule 4), and neither other sides nor, when bare, an envelope's field."""
    others = ("bids", "asks") if heads.envelopes else ("bids", "asks", "stream")
    if not heads.envelopes:
        heads.envelopes = [None] * len(heads.indexes)
    payloads = heads.payloads
    if all(payloads) and not any(any(map(dict.__contains__, payloads, repeat(name))) for name in others):
        return heads
    return heads.only(payload and payload.keys().isdisjoint(others) for payload in payloads)
