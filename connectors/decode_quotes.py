"""Quotes (``@bookTicker``) of a poll decoded by one pattern: three of four messages of a futures stream are quotes.

Owns the exchange's own compact spelling of them, as one regular expression that leaves nothing to check but identity and
receive time. What does not match to the byte, or names nobody, is left to ``connectors.decode_plain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from connectors.decode_group import Poll
from connectors.decode_plain import Rules
from connectors.names import Named, Told
from connectors.numbers import MAX_ID, MalformedError
from connectors.raw import Headers, RawBatch
from orderbook.events import Quote

_ID: Final = rb"(?:0|[1-9][0-9]{0,17})"
_AMOUNT: Final = rb"((?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?)"
_QUOTE: Final = re.compile(
    rb'\{"stream":"([a-z0-9_]{1,40}@bookTicker)","data":\{(?:"e":"bookTicker",)?"u":(' + _ID + rb"),"
    rb'"s":"([A-Z0-9_]{1,40})",(?:"ps":"[A-Z0-9_]{1,40}",)?'
    rb'"b":"' + _AMOUNT + rb'","B":"' + _AMOUNT + rb'","a":"' + _AMOUNT + rb'","A":"' + _AMOUNT + rb'"'
    rb'(?:,"T":' + _ID + rb',"E":' + _ID + rb")?\}\}"
)
_LAST_TIME: Final = b"%d" % MAX_ID
"""The latest receive time; the digits of an equal number sort like the numbers."""


def decode_quotes(raw: RawBatch, poll: Poll, span: range, rules: Rules) -> None:
    """Decode those messages of ``span`` that have no event yet and are plain quotes."""
    match, slots, values, headers, keys = _QUOTE.fullmatch, poll.slots, raw.values, raw.headers, raw.keys
    named: dict[tuple[bytes | None, bytes, bytes], Named | None] = {}
    indexes: list[int] = []
    rows: list[tuple[bytes, ...]] = []
    for index in span:
        value = values[index]
        if slots[index] >= 0 or value is None or len(value) > rules.max_message_bytes or not _is_plain(headers[index]):
            continue
        found = match(value)
        if found is None:
            continue
        row = found.groups()
        told = keys[index], row[0], row[2]
        if told not in named:
            named[told] = _resolve(rules, Told(told[0], row[0].decode(), None, row[2].decode(), None))
        name = named[told]
        if name is not None:
            slots[index] = poll.groups.setdefault((name.instrument, raw.partitions[index]), len(poll.groups))
            indexes.append(index)
            rows.append(row)
    if rows:
        _, update_ids, _, *best = zip(*rows, strict=True)
        offsets = [raw.offsets[index] for index in indexes]
        columns = zip(offsets, map(int, update_ids), *(map(float, each) for each in best), strict=True)
        # NamedTuple's own constructor costs three times as much.
        made: Iterator[Quote] = map(tuple.__new__, repeat(Quote), columns)
        for index, quote in zip(indexes, made, strict=True):
            poll.events[index] = quote


def _is_plain(headers: Headers | None) -> bool:
    """Whether headers are none, or a good receive time alone: nearly always."""
    if not headers:
        return True
    name, value = headers[0]
    return (
        len(headers) == 1
        and name == "recv_ns"
        and value.isdigit()
        and (len(value) < len(_LAST_TIME) or (len(value) == len(_LAST_TIME) and value <= _LAST_TIME))
    )


def _resolve(rules: Rules, told: Told) -> Named | None:
    """An identity; None for what will be a fault."""
    try:
        return rules.names.resolve(told)
    except MalformedError:
        return None
