"""The exchange's lists: what trades, what trades most, what was meant."""

from __future__ import annotations

import orjson
import pytest

from connectors.binance.symbols import parse_exchange_info, symbol_problems, top_symbols

SPOT = {
    "BTCUSDT": ("TRADING", "USDT"),
    "ETHUSDT": ("TRADING", "USDT"),
    "ETHBTC": ("TRADING", "BTC"),
    "BTCJPY": ("TRADING", "JPY"),
    "LUNAUSDT": ("BREAK", "USDT"),
    "USDTTRY": ("TRADING", "TRY"),
    "ODDXYZ": ("TRADING", "XYZ"),
    "BTCFDUSD": ("TRADING", "FDUSD"),
}
INFO = orjson.dumps(
    {"symbols": [{"symbol": name, "status": status, "quoteAsset": quote} for name, (status, quote) in SPOT.items()]}
)


def test_what_trades_and_what_does_not() -> None:
    listed = parse_exchange_info(INFO)

    assert [each.symbol for each in listed.values() if not each.trading] == ["LUNAUSDT"]


def test_coinm_calls_the_status_otherwise() -> None:
    body = orjson.dumps({"symbols": [{"symbol": "BTCUSD_PERP", "contractStatus": "TRADING", "quoteAsset": "USD"}]})

    assert parse_exchange_info(body)["BTCUSD_PERP"].trading


def test_wrong_symbols_are_told_all_at_once_with_near_ones() -> None:
    problems = symbol_problems(["BTCUSD", "ETHUSDT", "LUNAUSDT", "QQQQ"], parse_exchange_info(INFO), "binance-spot")

    assert len(problems) == 3
    assert problems[0].startswith("expected a symbol of binance-spot, received 'BTCUSD'; did you mean BTCUSDT")
    assert problems[1].endswith("received 'LUNAUSDT', whose status is BREAK")
    assert problems[2] == "expected a symbol of binance-spot, received 'QQQQ'"


def test_volumes_are_compared_in_one_currency() -> None:
    tickers = [
        ("BTCUSDT", "50000", "1000000"),
        ("ETHUSDT", "2500", "900000"),
        ("ETHBTC", "0.05", "30"),  # 1.5 million USDT
        ("BTCJPY", "7500000", "10000000"),  # nobody says what a yen costs in USDT: last
        ("LUNAUSDT", "1", "99999999"),  # does not trade
        ("USDTTRY", "40", "8000000"),  # 200 000 USDT
        ("ODDXYZ", "1", "5"),
        ("BTCFDUSD", "50000", "800000"),
        ("UNLISTED", "1", "99999999"),
    ]
    body = orjson.dumps(
        [{"symbol": name, "lastPrice": price, "quoteVolume": volume} for name, price, volume in tickers]
    )

    assert top_symbols(body, parse_exchange_info(INFO), 6) == [
        "ETHBTC",
        "BTCUSDT",
        "ETHUSDT",
        "BTCFDUSD",
        "USDTTRY",
        "BTCJPY",
    ]


def test_coinm_volumes_are_coins_times_their_price() -> None:
    names = ("BTCUSD_PERP", "DOGEUSD_PERP")
    info = parse_exchange_info(
        orjson.dumps(
            {"symbols": [{"symbol": name, "contractStatus": "TRADING", "quoteAsset": "USD"} for name in names]}
        )
    )
    body = orjson.dumps(
        [
            {"symbol": "DOGEUSD_PERP", "lastPrice": "0.1", "baseVolume": "1000000", "weightedAvgPrice": "0.1"},
            {"symbol": "BTCUSD_PERP", "lastPrice": "50000", "baseVolume": "100", "weightedAvgPrice": "50000"},
            {"symbol": "OTHER", "lastPrice": "x", "weightedAvgPrice": None},
        ]
    )

    assert top_symbols(body, info, 1) == ["BTCUSD_PERP"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"symbols":{}}', b'{"symbols":[1]}', b'{"code":-1}'])
def test_what_is_no_exchange_info_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected exchangeInfo with a list of symbols, received"):
        parse_exchange_info(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'[{"x":1}]'])
def test_what_is_no_list_of_figures_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected 24-hour figures as a list, received"):
        top_symbols(body, {}, 5)
