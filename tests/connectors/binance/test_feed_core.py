"""The core as a whole, driven without a socket."""

from __future__ import annotations

import pytest

from connectors.binance.actions import Fetch, Open, Send, Write
from tests.connectors.binance.driver import Driver, book, diff, trade


def test_it_connects_subscribes_and_writes() -> None:
    driver = Driver(streams=("depth20@100ms", "aggTrade"))

    assert [each.url for each in driver.all(Open)] == [
        "wss://exchange:1/public/stream",
        "wss://exchange:1/market/stream",
    ]
    assert len(driver.carrying("btcusdt@depth20@100ms")) == 1
    assert len(driver.carrying("btcusdt@aggTrade")) == 1

    data = b'{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate","E":5,"u":7,"b":[],"a":[]}}'

    assert driver.frame(data) == [Write("BTCUSDT", data, [("recv_ns", b"%d" % driver.recv_ns())])]


def test_a_new_symbol_is_seeded_by_one_snapshot_after_its_first_difference() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(15)
    driver.run(3.0)

    assert driver.all(Fetch) == []

    driver.frame(diff("BTCUSDT", (10, 20, 9), driver.event_ms()))
    driver.run(5.0)

    assert [(fetch.purpose, fetch.url) for fetch in driver.all(Fetch)] == [
        ("connect", "https://exchange:2/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
    ]
    assert driver.all(Write)[-1].value.startswith(b'{"stream":"btcusdt@snapshot","data":{"lastUpdateId":15,')
    assert driver.core.status.resyncing == 0


def test_a_gap_brings_one_snapshot_and_touches_no_other_symbol() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    driver.answer = lambda fetch: book(15 if driver.now_s < 5 else 100)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        driver.frame(diff(symbol, (10, 20, 9), driver.event_ms()))
    driver.run(10.0)
    before = len(driver.done)
    driver.frame(diff("BTCUSDT", (31, 100, 30), driver.event_ms()))
    driver.frame(diff("ETHUSDT", (21, 30, 20), driver.event_ms()))
    driver.run(10.0)

    assert [(fetch.symbol, fetch.purpose) for fetch in driver.all(Fetch, before)] == [("BTCUSDT", "gap")]
    assert driver.core.status.gaps == 1
    assert driver.core.status.resyncing == 0


def test_symbols_come_and_go_while_it_runs() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("trade",))
    before = len(driver.done)
    driver.core.want(["ETHUSDT", "XRPUSDT"], driver.now_s)
    driver.work()
    driver.run(2.0)

    assert [each.text.partition(',"id"')[0] for each in driver.all(Send, before)] == [
        '{"method":"UNSUBSCRIBE","params":["btcusdt@trade"]',
        '{"method":"SUBSCRIBE","params":["xrpusdt@trade"]',
    ]
    assert driver.all(Open, before) == []

    late = trade("BTCUSDT", 1, driver.event_ms())

    assert [write.symbol for write in driver.frame(late)] == ["BTCUSDT"]


def test_nothing_is_opened_or_asked_after_the_stop() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.core.stop(driver.now_s)
    driver.work()
    before = len(driver.done)
    driver.frame(diff("BTCUSDT", (10, 20, 9), driver.event_ms()))
    driver.run(60.0)

    assert driver.up == {}
    assert [type(action) for _, action in driver.done[before:]] == [Write]


def test_streams_that_the_venue_does_not_have_are_refused_with_near_ones() -> None:
    with pytest.raises(ValueError, match=r"received 'depth20@10ms'; did you mean depth20@100ms"):
        Driver(streams=("depth20@10ms",))
