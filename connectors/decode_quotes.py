"""Quotes (``@bookTicker``) of a poll decoded by one pattern: three of four messages of a futures stream are quotes.

Owns the exchange's own compact spelling of them, as one regular expression that leaves nothing to check but identity and
receive time. What does not match to the byte, or names nobody, is left to ``connectors.decode_plain``.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.decode_group import Poll
from connectors.decode_plain import Rules
from connectors.names import Named, Told
from connectors.numbers import MalformedError
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
_RECEIVED: Final = re.compile(rb"[0-9]{1,18}|[1-8][0-9]{18}")
"""Receive times that are surely below 2^63."""


def decode_quotes(raw: RawBatch, poll: Poll, span: range, rules: Rules) -> None:
    """Decode those messages of ``span`` that have no event yet and are plain quotes."""
    match, slots, events, groups = _QUOTE.fullmatch, poll.slots, poll.events, poll.groups
    named: dict[tuple[bytes | None, bytes, bytes], Named | None] = {}
    for index in span:
        value = raw.values[index]
        if (
            slots[index] >= 0
            or value is None
            or len(value) > rules.max_message_bytes
            or not _is_plain(raw.headers[index])
        ):
            continue
        found = match(value)
        if found is None:
            continue
        stream, update_id, symbol, bid, bid_quantity, ask, ask_quantity = found.groups()
        told = raw.keys[index], stream, symbol
        if told not in named:
            named[told] = _resolve(rules, Told(told[0], stream.decode(), None, symbol.decode(), None))
        name = named[told]
        if name is None:
            continue
        slots[index] = groups.setdefault((name.instrument, raw.partitions[index]), len(groups))
        events[index] = Quote(
            raw.offsets[index], int(update_id), float(bid), float(bid_quantity), float(ask), float(ask_quantity)
        )


def _is_plain(headers: Headers | None) -> bool:
    """Whether headers are none, or a good receive time alone: nearly always."""
    if not headers:
        return True
    name, value = headers[0]
    return len(headers) == 1 and name == "recv_ns" and _RECEIVED.fullmatch(value) is not None


def _resolve(rules: Rules, told: Told) -> Named | None:
    """An identity; None for what will be a fault."""
    try:
        return rules.names.resolve(told)
    except MalformedError:
        return None
