"""Owns what the exchange says of its symbols: exchangeInfo and ticker/24hr, with those fields that feeds read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from fake_exchange.venues import COINM, SPOT, Rules

_QUOTES: Final = ("USDT", "USDC", "FDUSD", "USD", "BTC", "ETH", "BNB", "EUR")
_DELISTED: Final = {SPOT: "GONEUSDT", COINM: "GONEUSD_PERP"}
"""Every real list has symbols that do not trade."""

_GREATEST_VOLUME: Final = 10_000_000_000


def exchange_info(rules: Rules, symbols: Sequence[str], now_ms: int) -> bytes:
    """The answer to exchangeInfo: these symbols trade, and one more does not."""
    gone = _DELISTED.get(rules.name, "GONEUSDT")
    rows = [_row(rules.name, symbol, trading=True) for symbol in symbols]
    rows.append(_row(rules.name, gone, trading=False))
    limit = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": rules.weight_per_minute,
    }
    return orjson.dumps(
        {"timezone": "UTC", "serverTime": now_ms, "rateLimits": [limit], "exchangeFilters": [], "symbols": rows}
    )


def tickers(rules: Rules, symbols: Sequence[str], now_ms: int) -> bytes:
    """The answer to ticker/24hr: the earlier a symbol stands in the list, the more of it was traded."""
    rows = []
    for rank, symbol in enumerate(symbols, 1):
        volume = f"{_GREATEST_VOLUME // rank}.00"
        row = {"symbol": symbol, "lastPrice": "100.00", "openTime": now_ms - 86_400_000, "closeTime": now_ms}
        if rules.name == COINM:
            row |= {
                "pair": symbol.partition("_")[0],
                "volume": volume,
                "baseVolume": f"{_GREATEST_VOLUME // rank // 100}.00",
            }
        else:
            row |= {"volume": f"{_GREATEST_VOLUME // rank // 100}.00", "quoteVolume": volume}
        rows.append(row)
    return orjson.dumps(rows)


def _row(venue: str, symbol: str, *, trading: bool) -> dict[str, Any]:
    pair = symbol.partition("_")[0]
    quote = next((quote for quote in _QUOTES if pair.endswith(quote)), pair[-3:])
    row: dict[str, Any] = {"symbol": symbol, "baseAsset": pair.removesuffix(quote), "quoteAsset": quote}
    if venue == SPOT:
        return {**row, "status": "TRADING" if trading else "BREAK", "isSpotTradingAllowed": True, "filters": []}
    status = "TRADING" if trading else "SETTLING"
    row |= {"pair": pair, "contractType": "PERPETUAL", "marginAsset": quote, "filters": []}
    if venue == COINM:
        return {**row, "contractStatus": status, "contractSize": 100 if pair.startswith("BTC") else 10}
    return {**row, "status": status}
