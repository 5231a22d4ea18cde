"""What the user of a feed may choose, checked: streams, intervals, and how much of the exchange's limits to use.

Owns the grammar of stream suffixes ("depth20@100ms", "trade") and which of them a venue has.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Final

from connectors.binance.venue import Venue
from connectors.streams import Kind, parse_stream

_DEPTH: Final = re.compile(r"depth(?:5|10|20)?(?:@(?P<speed>\w+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """Choices of one feed. Times in seconds; each above 0.

    Attributes:
        streams: Suffixes behind ``symbol@``, of each symbol the same: ``depth``, ``depth@100ms``, ``depth20@100ms``,
            ``trade``, ``aggTrade``, ``bookTicker``.
        rest_interval_s: Poll the best 20 levels by REST, each symbol that often, and use no WebSocket; None: don't.
        audit_interval_s: A snapshot to compare the book with, each symbol that often (streams of differences only).
        silence_s: A depth or bookTicker stream without a message for that long is silent.
        trade_silence_s: The same for trades.
        lag_s: Messages that much later than the earliest seen on their socket mean that it falls behind.
        lifetime_s: Age at which the exchange ends a socket; the next one is up before.
        streams_per_connection: At most, instead of the venue's own.
        messages_per_connection: Estimated messages a second on one socket, at most.
        weight_share: Share of the venue's REST weight a minute that is ours, in (0, 1].
        connect_share: Share of the venue's connection attempts that is ours, in (0, 1].
        snapshot_limit: Levels a side of a snapshot; None: the venue's greatest that the weight carries.

    Raises:
        ValueError: Something is out of range.
    """

    streams: tuple[str, ...] = ("depth20@100ms", "trade")
    rest_interval_s: float | None = None
    audit_interval_s: float = 600.0
    silence_s: float = 10.0
    trade_silence_s: float = 60.0
    lag_s: float = 5.0
    lifetime_s: float = 24 * 3600.0
    streams_per_connection: int | None = None
    messages_per_connection: int = 3000
    weight_share: float = 0.8
    connect_share: float = 0.5
    snapshot_limit: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "streams" and value is not None and not 0 < value < math.inf:
                raise ValueError(f"expected {field.name} above 0, received {value!r}")
        for name in ("weight_share", "connect_share"):
            if getattr(self, name) > 1:
                raise ValueError(f"expected {name} of at most 1, received {getattr(self, name)!r}")
        if self.streams_per_connection is not None and self.streams_per_connection < len(self.streams):
            raise ValueError(
                f"expected streams_per_connection of at least {len(self.streams)}, the streams of one symbol,"
                f" received {self.streams_per_connection}"
            )
        if not self.streams and self.rest_interval_s is None:
            raise ValueError("expected at least one stream, received none")


def stream_kind(suffix: str, venue: Venue) -> Kind | None:
    """The kind of stream that ``suffix`` asks of ``venue``; None when the venue has no such stream."""
    parsed = parse_stream(f"x@{suffix}")
    if parsed is None or parsed[1] not in venue.ws_paths:
        return None
    if parsed[1] in {Kind.PARTIAL, Kind.DIFF}:
        match = _DEPTH.fullmatch(suffix)
        if match is None or match["speed"] not in {None, *venue.speeds}:
            return None
    return parsed[1]


def stream_problems(streams: tuple[str, ...], venue: Venue) -> list[str]:
    """What is wrong with ``streams``, a sentence each: unknown ones with near matches, repeated ones, two of a kind."""
    known = known_streams(venue)
    problems = []
    kinds: dict[Kind, str] = {}
    for suffix in streams:
        kind = stream_kind(suffix, venue)
        if kind is None:
            near = get_close_matches(suffix, known, n=3, cutoff=0.5)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            problems.append(f"expected a stream of {venue.name} ({', '.join(known)}), received {suffix!r}{hint}")
        elif kind in kinds:
            problems.append(f"expected one {kind.value} stream a symbol, received {kinds[kind]!r} and {suffix!r}")
        else:
            kinds[kind] = suffix
    return problems


def known_streams(venue: Venue) -> list[str]:
    """All suffixes that ``venue`` has."""
    depths = [f"depth{levels}" for levels in ("", 5, 10, 20)]
    timed = [f"{depth}@{speed}" for depth in depths for speed in venue.speeds]
    return [*depths, *timed, "trade", "aggTrade", "bookTicker"]
