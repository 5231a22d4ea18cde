"""The head of a frame: whose it is, its ids and its event time, read without reading its levels.

Rule 1: what the patterns find is what a JSON parser would find; where they find nothing, a parser is asked.
Rule 2: only the first bytes are searched. Binance writes the ids before the levels, whose text can have 35 kB.
Rule 3: nothing here judges. A message without its ids is the job's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from connectors.streams import Kind

SEARCHED: Final = 512
"""Bytes of a frame that the patterns see."""

STREAM: Final = re.compile(rb'\{"stream":"([^"\\]{1,128})","data":\{').match
"""Of a frame: the name of its stream, group 1."""

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
"""From a whole frame to its ids; None when the patterns don't find them."""

_IDS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.PARTIAL: ("lastUpdateId", "u"),
    Kind.DIFF: ("u",),
    Kind.TRADE: ("t",),
    Kind.AGG_TRADE: ("a",),
    Kind.BOOK_TICKER: ("u",),
}

_CHAINED_DIFF: Final = re.compile(rb'"E":%b[^\[]*?"U":%b,"u":%b,"pu":%b' % (_ID, _ID, _ID, _ID)).search
_COUNTED_DIFF: Final = re.compile(rb'"E":%b[^\[]*?"U":%b,"u":%b' % (_ID, _ID, _ID)).search
_FUTURES_PARTIAL: Final = re.compile(rb'"E":%b[^\[]*?"u":%b' % (_ID, _ID)).search
_SPOT_PARTIAL: Final = re.compile(rb'"lastUpdateId":%b' % _ID).search
_TRADE: Final = re.compile(rb'"E":%b[^\[]*?"t":%b' % (_ID, _ID)).search
_AGG_TRADE: Final = re.compile(rb'"E":%b[^\[]*?"a":%b' % (_ID, _ID)).search
_TIMED_TICKER: Final = re.compile(rb'"u":%b[^\[]*?"E":%b' % (_ID, _ID)).search
_TICKER: Final = re.compile(rb'"u":%b' % _ID).search


def reader(kind: Kind, *, chained: bool) -> Reader:
    """How the ids of such a stream are read; ``chained``: on a futures venue."""
    if kind is Kind.DIFF:
        return _chained_diff if chained else _counted_diff
    if kind is Kind.PARTIAL:
        return _futures_partial if chained else _spot_partial
    if kind is Kind.BOOK_TICKER:
        return _timed_ticker if chained else _ticker
    return _trade if kind is Kind.TRADE else _agg_trade


def parsed_ids(kind: Kind, payload: dict[str, Any], *, chained: bool) -> Ids | None:
    """The ids of a parsed payload; None when one that the kind needs is missing or no integer."""
    update_id: Any = next((payload[name] for name in _IDS[kind] if name in payload), None)
    event_ms = payload.get("E")
    first, previous = (payload.get("U"), payload.get("pu")) if kind is Kind.DIFF else (None, None)
    needed = [update_id]
    if kind is Kind.DIFF:
        needed += [first, previous] if chained else [first]
    if not all(type(number) is int for number in needed):
        return None
    return Ids(event_ms if type(event_ms) is int else None, update_id, first, previous if chained else None)


def _chained_diff(data: bytes) -> Ids | None:
    match = _CHAINED_DIFF(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[1]), int(match[3]), int(match[2]), int(match[4]))


def _counted_diff(data: bytes) -> Ids | None:
    match = _COUNTED_DIFF(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[1]), int(match[3]), int(match[2]))


def _futures_partial(data: bytes) -> Ids | None:
    match = _FUTURES_PARTIAL(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[1]), int(match[2]))


def _spot_partial(data: bytes) -> Ids | None:
    match = _SPOT_PARTIAL(data, 0, SEARCHED)
    return None if match is None else Ids(None, int(match[1]))


def _trade(data: bytes) -> Ids | None:
    match = _TRADE(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[1]), int(match[2]))


def _agg_trade(data: bytes) -> Ids | None:
    match = _AGG_TRADE(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[1]), int(match[2]))


def _timed_ticker(data: bytes) -> Ids | None:
    match = _TIMED_TICKER(data, 0, SEARCHED)
    return None if match is None else Ids(int(match[2]), int(match[1]))


def _ticker(data: bytes) -> Ids | None:
    match = _TICKER(data, 0, SEARCHED)
    return None if match is None else Ids(None, int(match[1]))
