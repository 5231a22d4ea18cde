"""Owns what the three venues do differently: paths, limits, weights, pings. Facts of Binance's documentation only.

Written down a second time on purpose: the feed under test has its own table, and only one of them can be copied wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

SPOT: Final = "binance-spot"
USDM: Final = "binance-usdm"
COINM: Final = "binance-coinm"

_ALL: Final = frozenset({"depth", "trade", "aggTrade", "bookTicker"})
_PUBLIC: Final = frozenset({"depth", "trade", "bookTicker"})
_MARKET: Final = frozenset({"aggTrade"})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One venue.

    Attributes:
        rest: start of the REST paths.
        routes: prefix of a WebSocket path to the families of streams that it delivers. Others can be subscribed to,
            and stay silent: the real USD-M does so with ``aggTrade`` on unrouted addresses since 2026-04-23.
        incoming_per_s: messages that a client may send a second; more, and the connection is closed (1008).
        ping_s: seconds between the server's pings; ``pong_s``: how long it waits for the answer.
        depth_weights: (greatest limit, weight) in ascending order; ``any_limit``: limits between those may be asked for.
        weight_per_minute: of one address.
        info_weight, tickers_weight: of exchangeInfo and of ticker/24hr for all symbols.
    """

    name: str
    rest: str
    routes: dict[str, frozenset[str]]
    incoming_per_s: int
    ping_s: float
    pong_s: float
    depth_weights: tuple[tuple[int, int], ...]
    any_limit: bool
    default_limit: int
    weight_per_minute: int
    info_weight: int
    tickers_weight: int
    streams_per_connection: int = 1024
    connections_per_5_min: int = 300

    def depth_weight(self, limit: int) -> int | None:
        """Weight of a depth request; None when the venue takes no such limit."""
        limits = [greatest for greatest, _ in self.depth_weights]
        place = bisect_left(limits, limit)
        if limit < 1 or place == len(limits) or not (self.any_limit or limit in limits):
            return None
        return self.depth_weights[place][1]


_FUTURES_WEIGHTS: Final = ((5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1000, 20))

VENUES: Final = {
    SPOT: Rules(
        name=SPOT,
        rest="/api/v3",
        routes={"": _ALL},
        incoming_per_s=5,
        ping_s=20.0,
        pong_s=60.0,
        depth_weights=((100, 5), (500, 25), (1000, 50), (5000, 250)),
        any_limit=True,
        default_limit=100,
        weight_per_minute=6000,
        info_weight=20,
        tickers_weight=80,
    ),
    USDM: Rules(
        name=USDM,
        rest="/fapi/v1",
        routes={"": _PUBLIC, "/public": _PUBLIC, "/market": _MARKET, "/private": frozenset()},
        incoming_per_s=10,
        ping_s=180.0,
        pong_s=600.0,
        depth_weights=_FUTURES_WEIGHTS,
        any_limit=False,
        default_limit=500,
        weight_per_minute=2400,
        info_weight=1,
        tickers_weight=40,
    ),
    COINM: Rules(
        name=COINM,
        rest="/dapi/v1",
        routes={"": _ALL},
        incoming_per_s=10,
        ping_s=180.0,
        pong_s=600.0,
        depth_weights=_FUTURES_WEIGHTS,
        any_limit=False,
        default_limit=500,
        weight_per_minute=2400,
        info_weight=1,
        tickers_weight=40,
    ),
}
"""By name."""
