"""Whose a frame is, its ids and its event time: of a small one by a parser, of a large one by its first bytes.

Rule 1: a message of some hundred bytes is parsed as a whole: that is quicker than patterns, and sees all that is wrong.
Rule 2: of a large one only the head is searched. Binance writes the ids before the levels, whose text can have 35 kB.
        What the patterns find is what a parser would find; where they find nothing, a parser is asked.
Rule 3: nothing here judges. A message without its ids is the job's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from connectors.streams import Kind

SMALL: Final = 512
"""Bytes of a frame that is parsed as a whole; and of a larger one those that the patterns see."""

STREAM: Final = re.compile(rb'\{"stream":"([^"\\]{1,128})","data":\{').match
"""Of a large frame: the name of its stream, group 1."""

END: Final = b"}}"
"""How a whole frame ends. One that doesn't is a parser's matter."""

_ID: Final = rb"([0-9]{1,18})(?=[,}])"


class Ids(NamedTuple):
    """What a message is known by.

    Attributes:
        event_ms: ``E``; None where the stream has none.
        update_id: ``u``, ``lastUpdateId``, ``t`` or ``a``: rises from message to message.
        first_id: ``U`` of a difference, else None.
        previous_id: ``pu`` of a futures difference, else None.
    """

    event_ms: int | None
    update_id: int
    first_id: int | None = None
    previous_id: int | None = None


Reader: TypeAlias = Callable[[bytes], Ids | None]
"""From a large frame to its ids; None when the patterns don't find them."""

Picker: TypeAlias = Callable[[dict[str, Any]], Ids | None]
"""From a parsed payload to its ids; None when one that the kind needs is missing or no integer."""

_CHAINED_DIFF: Final = re.compile(rb'"E":%b[^\[]*?"U":%b,"u":%b,"pu":%b' % (_ID, _ID, _ID, _ID)).search
_COUNTED_DIFF: Final = re.compile(rb'"E":%b[^\[]*?"U":%b,"u":%b' % (_ID, _ID, _ID)).search
_FUTURES_PARTIAL: Final = re.compile(rb'"E":%b[^\[]*?"u":%b' % (_ID, _ID)).search
_SPOT_PARTIAL: Final = re.compile(rb'"lastUpdateId":%b' % _ID).search

_NAMES: Final = {Kind.TRADE: "t", Kind.AGG_TRADE: "a", Kind.BOOK_TICKER: "u"}


def reader(kind: Kind, *, chained: bool) -> Reader:
    """How the ids of a large frame of such a stream are read; ``chained``: on a futures venue."""
    if kind is Kind.DIFF:
        return _read_chained_diff if chained else _read_counted_diff
    if kind is Kind.PARTIAL:
        return _read_futures_partial if chained else _read_spot_partial
    return _read_nothing  # all others are small


def picker(kind: Kind, *, chained: bool) -> Picker:
    """How the ids of such a stream's parsed payload are found."""
    if kind is Kind.DIFF:
        return _pick_chained_diff if chained else _pick_counted_diff
    name = ("u" if chained else "lastUpdateId") if kind is Kind.PARTIAL else _NAMES[kind]

    def pick(payload: dict[str, Any]) -> Ids | None:
        update_id = payload.get(name)
        return Ids(_event_ms(payload), update_id) if type(update_id) is int else None

    return pick


def _event_ms(payload: dict[str, Any]) -> int | None:
    event_ms = payload.get("E")
    return event_ms if type(event_ms) is int else None


def _pick_counted_diff(payload: dict[str, Any]) -> Ids | None:
    update_id, first_id = payload.get("u"), payload.get("U")
    if type(update_id) is int and type(first_id) is int:
        return Ids(_event_ms(payload), update_id, first_id)
    return None


def _pick_chained_diff(payload: dict[str, Any]) -> Ids | None:
    update_id, first_id, previous_id = payload.get("u"), payload.get("U"), payload.get("pu")
    if type(update_id) is int and type(first_id) is int and type(previous_id) is int:
        return Ids(_event_ms(payload), update_id, first_id, previous_id)
    return None


def _read_chained_diff(data: bytes) -> Ids | None:
    match = _CHAINED_DIFF(data, 0, SMALL)
    return None if match is None else Ids(int(match[1]), int(match[3]), int(match[2]), int(match[4]))


def _read_counted_diff(data: bytes) -> Ids | None:
    match = _COUNTED_DIFF(data, 0, SMALL)
    return None if match is None else Ids(int(match[1]), int(match[3]), int(match[2]))


def _read_futures_partial(data: bytes) -> Ids | None:
    match = _FUTURES_PARTIAL(data, 0, SMALL)
    return None if match is None else Ids(int(match[1]), int(match[2]))


def _read_spot_partial(data: bytes) -> Ids | None:
    match = _SPOT_PARTIAL(data, 0, SMALL)
    return None if match is None else Ids(None, int(match[1]))


def _read_nothing(_data: bytes) -> Ids | None:
    return None
