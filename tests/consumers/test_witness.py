"""The auditor's own reading of raw messages."""

from __future__ import annotations

import orjson
import pytest

from consumers.witness import UNKNOWN, Depth, Quote, SnapshotSeen, TradeSeen, read_testimony


def envelope(stream: str, data: object) -> bytes:
    return orjson.dumps({"stream": stream, "data": data})


def test_a_quote() -> None:
    data = {"u": 7, "s": "BTCUSDT", "b": "1.50", "B": "2", "a": "1.60", "A": "3"}

    assert read_testimony(envelope("btcusdt@bookTicker", data)) == ("BTCUSDT", Quote(7, (1.5, 2.0, 1.6, 3.0)))


@pytest.mark.parametrize(("maker", "sign"), [(True, -1), (False, 1)])
def test_a_trade_is_signed_by_its_taker(maker: bool, sign: int) -> None:
    data = {"e": "trade", "t": 9, "q": "0.5", "p": "1", "m": maker}

    assert read_testimony(envelope("x@trade", data)) == (
        "X",
        TradeSeen(9, sign * 0.5, aggregate=False, market=True, price=1.0),
    )


def test_a_trade_that_no_order_caused_is_none_of_the_market() -> None:
    data = {"e": "trade", "t": 9, "q": "0.5", "p": "1", "m": False, "X": "INSURANCE_FUND"}

    assert read_testimony(envelope("x@trade", data))[1] == TradeSeen(9, 0.5, aggregate=False, market=False, price=1.0)


def test_an_aggregate_trade_has_its_own_id() -> None:
    data = {"e": "aggTrade", "a": 4, "q": "2", "m": False}

    assert read_testimony(envelope("x@aggTrade", data))[1] == TradeSeen(4, 2.0, aggregate=True, market=True)


def test_of_depth_and_snapshots_the_id_is_enough() -> None:
    diff = {"e": "depthUpdate", "E": 1, "s": "X", "U": 3, "u": 8, "pu": 2, "b": [], "a": []}

    assert read_testimony(envelope("x@depth@100ms", diff)) == ("X", Depth(8))
    assert read_testimony(envelope("x@depth20@100ms", {"lastUpdateId": 5, "bids": []})) == ("X", Depth(5))
    assert read_testimony(envelope("x@snapshot", {"lastUpdateId": 5, "bids": []})) == ("X", SnapshotSeen(5))
    assert read_testimony(b'{"lastUpdateId": 5}', [("stream", b"x@snapshot")]) == ("X", SnapshotSeen(5))
    assert read_testimony(b'{"lastUpdateId": 5}') == ("", Depth(5))


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b'{"stream":"x@kline_1m","data":{}}', b'{"stream":"x@trade","data":{}}']
)
def test_what_is_not_understood_must_be_answered_by_the_job(value: bytes | None) -> None:
    assert read_testimony(value)[1] == UNKNOWN
