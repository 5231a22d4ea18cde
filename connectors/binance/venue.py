"""The three venues of Binance as facts: addresses, paths, stream kinds and the exchange's limits.

Rule 1: numbers that the exchange publishes are here and nowhere else.
Rule 2: nothing here is a choice of ours; what we use of a limit is in ``options``.
Source: Binance's public documentation, spot, USD-M and COIN-M, WebSocket market streams and REST market data, mid 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.streams import Kind


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue.

    Attributes:
        name: As in Kafka keys.
        ws_url: Default WebSocket address: scheme, host, port.
        rest_url: Default REST address.
        ws_paths: Path of the combined endpoint that carries each kind of stream.
        speeds: Update speeds that a depth stream's name may ask for, as written there.
        depth_path: REST path of the order book.
        exchange_info_path: REST path of the list of symbols.
        ticker_path: REST path of the 24-hour figures of all symbols.
        exchange_info_weight: What one request of it counts.
        ticker_weight: What one request of it counts.
        depth_weights: (greatest limit, weight) of ``depth_path``, rising.
        weight_per_minute: Most that the exchange lets one address spend on REST in a minute.
        snapshot_limits: Levels a side that a snapshot may ask for, the better one first.
        streams_per_connection: Most streams on one socket.
        incoming_per_second: Most messages a second that the exchange takes from us on one socket, pings included.
        connections_per_5_minutes: Most connection attempts of one address.
        chained: Whether differences carry the id of the one before (``pu``); else ids count without gaps.
    """

    name: str
    ws_url: str
    rest_url: str
    ws_paths: dict[Kind, str]
    speeds: tuple[str, ...]
    depth_path: str
    exchange_info_path: str
    ticker_path: str
    exchange_info_weight: int
    ticker_weight: int
    depth_weights: tuple[tuple[int, int], ...]
    weight_per_minute: int
    snapshot_limits: tuple[int, ...]
    streams_per_connection: int
    incoming_per_second: int
    connections_per_5_minutes: int
    chained: bool

    def depth_weight(self, limit: int) -> int:
        """What a request of ``limit`` levels a side counts.

        Raises:
            ValueError: The venue gives no book of that size.
        """
        for greatest, weight in self.depth_weights:
            if limit <= greatest:
                return weight
        raise ValueError(f"expected at most {self.depth_weights[-1][0]} levels on {self.name}, received {limit}")


_STREAM: Final = "/stream"
_PUBLIC: Final = "/public/stream"
_MARKET: Final = "/market/stream"
_FUTURES_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))

_KINDS: Final = (Kind.PARTIAL, Kind.DIFF, Kind.TRADE, Kind.AGG_TRADE, Kind.BOOK_TICKER)

_ALL: Final = (
    Venue(
        name="binance-spot",
        ws_url="wss://stream.binance.com:9443",
        rest_url="https://api.binance.com",
        ws_paths=dict.fromkeys(_KINDS, _STREAM),
        speeds=("100ms", "1000ms"),
        depth_path="/api/v3/depth",
        exchange_info_path="/api/v3/exchangeInfo",
        ticker_path="/api/v3/ticker/24hr",
        exchange_info_weight=20,
        ticker_weight=80,
        depth_weights=((100, 5), (500, 25), (1000, 50), (5000, 250)),
        weight_per_minute=6000,
        snapshot_limits=(5000, 1000),
        streams_per_connection=1024,
        incoming_per_second=5,
        connections_per_5_minutes=300,
        chained=False,
    ),
    Venue(
        name="binance-usdm",
        ws_url="wss://fstream.binance.com",
        rest_url="https://fapi.binance.com",
        # Without /public and /market the exchange answers as before, and never sends an aggTrade (since 2026-04-23).
        ws_paths={**dict.fromkeys(_KINDS, _PUBLIC), Kind.AGG_TRADE: _MARKET},
        # 0ms is in no documentation any more; recordings of 2024 have it.
        speeds=("0ms", "100ms", "250ms", "500ms"),
        depth_path="/fapi/v1/depth",
        exchange_info_path="/fapi/v1/exchangeInfo",
        ticker_path="/fapi/v1/ticker/24hr",
        exchange_info_weight=1,
        ticker_weight=40,
        depth_weights=_FUTURES_WEIGHTS,
        # Shared with COIN-M since 2026-06-30.
        weight_per_minute=2400,
        snapshot_limits=(1000,),
        # 1024 in the newer documentation, 200 in the older.
        streams_per_connection=200,
        incoming_per_second=10,
        connections_per_5_minutes=300,
        chained=True,
    ),
    Venue(
        name="binance-coinm",
        ws_url="wss://dstream.binance.com",
        rest_url="https://dapi.binance.com",
        ws_paths=dict.fromkeys(_KINDS, _STREAM),
        speeds=("0ms", "100ms", "250ms", "500ms"),
        depth_path="/dapi/v1/depth",
        exchange_info_path="/dapi/v1/exchangeInfo",
        ticker_path="/dapi/v1/ticker/24hr",
        exchange_info_weight=1,
        ticker_weight=40,
        depth_weights=_FUTURES_WEIGHTS,
        weight_per_minute=2400,
        snapshot_limits=(1000,),
        streams_per_connection=200,
        incoming_per_second=10,
        connections_per_5_minutes=300,
        chained=True,
    ),
)

VENUES: Final[dict[str, Venue]] = {venue.name: venue for venue in _ALL}
