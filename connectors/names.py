"""Who a message speaks of: venue and symbol from the stream name, the payload and the Kafka key.

Rule 1: the symbol is the stream's, else the payload's, else the key's; any two that are there must agree.
Rule 2: the venue is the key's ``venue:``, else the default.
Rule 3: a key that can't be read (no UTF-8, empty) says nothing, and does no harm where the payload tells.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from connectors.numbers import MalformedError, show
from connectors.streams import Kind, parse_stream

_VENUE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_SYMBOL: Final = re.compile(r"[^@\s]+")

_CACHED: Final = 32_768
"""Most answers remembered: a few streams of every symbol of every venue. Then it starts anew."""

_LONGEST: Final = 128
"""Longer names are answered, not remembered: nothing that a sender can do may fill the memory."""


class Named(NamedTuple):
    """The answer: ``venue:SYMBOL``, its venue, and the kind that the stream name tells (None without one)."""

    instrument: str
    venue: str
    kind: Kind | None


class Told(NamedTuple):
    """All that a message says of its identity: Kafka key, envelope's and header's stream, fields ``s`` and ``symbol``."""

    key: bytes | None
    envelope: str | None
    header: bytes | None
    s: str | None
    symbol: str | None


def is_venue(name: str) -> bool:
    """Whether ``name`` can be a venue: lower-case letters, digits and hyphens."""
    return _VENUE.fullmatch(name) is not None


class Names:
    """Resolves identities and remembers the answers.

    Attributes:
        known: ``Told`` (or an equal plain tuple) to ``Named``: good answers only.
    """

    def __init__(self, default_venue: str) -> None:
        if not is_venue(default_venue):
            raise ValueError(f"expected a venue of lower-case letters, digits and hyphens, received {default_venue!r}")
        self._default_venue = default_venue
        self.known: dict[tuple[object, ...], Named] = {}

    def resolve(self, told: Told) -> Named:
        """The identity.

        Raises:
            MalformedError: ``unknown_stream``, ``symbol_mismatch``, or ``missing_field`` (no symbol, or no usable venue).
        """
        named = self.known.get(told)
        if named is None:
            named = self._resolve(told)
            if all(part is None or len(part) <= _LONGEST for part in told):
                if len(self.known) >= _CACHED:
                    self.known.clear()
                self.known[told] = named
        return named

    def _resolve(self, told: Told) -> Named:
        stream = _stream_name(told)
        from_stream, kind = None, None
        if stream is not None:
            parsed = parse_stream(stream)
            if parsed is None:
                raise MalformedError(
                    "unknown_stream",
                    f"expected a depth, snapshot, trade or bookTicker stream, received {show(stream)}",
                )
            from_stream, kind = parsed
        venue, from_key = _read_key(told.key)
        venue = self._default_venue if venue is None else venue
        if not is_venue(venue):
            raise MalformedError(
                "missing_field",
                f"expected a venue of lower-case letters, digits and hyphens in the key, received {show(venue)}",
            )
        symbol = _agree(
            (("stream", from_stream), ("field s", told.s), ("field symbol", told.symbol), ("key", from_key))
        )
        return Named(f"{venue}:{symbol}", venue, kind)


def _stream_name(told: Told) -> str | None:
    """The envelope's stream name, else the header's; they may name different streams of one symbol only."""
    if not told.header:
        return told.envelope
    try:
        header = told.header.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(
            "unknown_stream", f"expected UTF-8 in header stream, received {show(told.header)}"
        ) from None
    if told.envelope is None:
        return header
    symbols = told.envelope.partition("@")[0].upper(), header.partition("@")[0].upper()
    if symbols[0] != symbols[1]:
        raise MalformedError(
            "symbol_mismatch", f"expected header stream of {show(symbols[0])}, received {show(symbols[1])}"
        )
    return told.envelope


def _read_key(key: bytes | None) -> tuple[str | None, str | None]:
    """(venue, symbol) of a Kafka key ``venue:symbol`` or ``symbol``; None for what it does not tell."""
    if not key:
        return None, None
    try:
        text = key.decode("utf-8")
    except UnicodeDecodeError:
        return None, None
    venue, colon, symbol = text.partition(":")
    return (venue, symbol or None) if colon else (None, text)


def _agree(sources: tuple[tuple[str, str | None], ...]) -> str:
    """The one symbol, in upper case, that all sources tell (name of the source, symbol or None)."""
    told = [(source, symbol.upper()) for source, symbol in sources if symbol is not None]
    if not told:
        raise MalformedError("missing_field", "expected a symbol in stream name, payload or key, received none")
    first_source, first = told[0]
    for source, symbol in told[1:]:
        if symbol != first:
            raise MalformedError(
                "symbol_mismatch", f"expected {show(first)} as in {first_source}, received {show(symbol)} in {source}"
            )
    if _SYMBOL.fullmatch(first) is None:
        raise MalformedError("missing_field", f"expected a symbol without spaces and @, received {show(first)}")
    return first
