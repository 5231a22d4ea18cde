"""Which symbols a venue trades, which of them trade most, and what somebody may have meant.

Owns the reading of the exchange's two lists: ``exchangeInfo`` and ``ticker/24hr``.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import orjson

TRADING: Final = "TRADING"
_CENTRE: Final = "USDT"
"""Volumes in other currencies are compared by their price in this one."""


class Listed(NamedTuple):
    """A symbol as the exchange lists it."""

    symbol: str
    trading: bool
    status: str
    quote: str


def parse_exchange_info(body: bytes) -> dict[str, Listed]:
    """All listed symbols by name.

    Raises:
        ValueError: This is no exchangeInfo.
    """
    document = _parse(body)
    symbols = document.get("symbols") if isinstance(document, dict) else None
    if not isinstance(symbols, list) or not all(
        isinstance(each, dict) and isinstance(each.get("symbol"), str) for each in symbols
    ):
        raise ValueError(f"expected exchangeInfo with a list of symbols, received {_show(body)}")
    # COIN-M calls it contractStatus.
    statuses = [str(each.get("status", each.get("contractStatus", "unknown"))) for each in symbols]
    return {
        each["symbol"]: Listed(each["symbol"], status == TRADING, status, str(each.get("quoteAsset", "")))
        for each, status in zip(symbols, statuses, strict=True)
    }


def symbol_problems(asked: Iterable[str], listed: dict[str, Listed], venue: str) -> list[str]:
    """What is wrong with ``asked`` (upper case), a sentence each: unknown ones with near matches, those that don't trade."""
    problems = []
    trading = [each.symbol for each in listed.values() if each.trading]
    for symbol in asked:
        found = listed.get(symbol)
        if found is None:
            near = get_close_matches(symbol, trading, n=3, cutoff=0.6)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            problems.append(f"expected a symbol of {venue}, received {symbol!r}{hint}")
        elif not found.trading:
            problems.append(
                f"expected a symbol of {venue} that trades, received {symbol!r}, whose status is {found.status}"
            )
    return problems


def top_symbols(body: bytes, listed: dict[str, Listed], count: int) -> list[str]:
    """The ``count`` trading symbols of most volume in 24 hours, in USDT, by a ``ticker/24hr`` of all symbols.

    A volume in yen is no match for one in dollars: volumes are converted by the last prices in the same list; symbols whose
    currency has no price there come last. COIN-M counts contracts: its volume is that in the base currency times the mean price.

    Raises:
        ValueError: This is no list of 24-hour figures.
    """
    document = _parse(body)
    if not isinstance(document, list) or not all(isinstance(each, dict) and "symbol" in each for each in document):
        raise ValueError(f"expected 24-hour figures as a list, received {_show(body)}")
    prices = {str(each["symbol"]): _number(each.get("lastPrice")) for each in document}
    volumes = {
        name: _quote_volume(each) * _price(listed[name].quote, prices)
        for each in document
        if (name := str(each["symbol"])) in listed and listed[name].trading
    }
    return sorted(volumes, key=lambda symbol: (-volumes[symbol], symbol))[:count]


def _quote_volume(ticker: dict[str, Any]) -> float:
    if "quoteVolume" in ticker:
        return _number(ticker["quoteVolume"])
    return _number(ticker.get("baseVolume")) * _number(ticker.get("weightedAvgPrice"))


def _price(currency: str, prices: dict[str, float]) -> float:
    """What one unit of ``currency`` costs in USDT; 0 when nobody tells."""
    if currency == _CENTRE:
        return 1.0
    if price := prices.get(currency + _CENTRE):
        return price
    if price := prices.get(_CENTRE + currency):
        return 1.0 / price
    return 1.0 if "USD" in currency else 0.0


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _show(body: bytes) -> str:
    return repr(body[:80].decode("utf-8", "replace"))
