"""What does not come is told, once, and a reconnect follows where it helps."""

from __future__ import annotations

import orjson
import pytest

from connectors.binance.actions import Note, Open, Send
from tests.connectors.binance.driver import Driver, diff, trade

QUIET = 1e6


def flow(driver: Driver, seconds: float, *streams: str, late_ms: int = 0, socket: int | None = None) -> None:
    """Let these streams come ten times a second."""
    for _ in range(round(seconds * 10)):
        for stream in streams:
            symbol, _, suffix = stream.partition("@")
            number = round(driver.now_s * 10) + 1
            event_ms = driver.event_ms() - late_ms
            if suffix == "trade":
                driver.frame(trade(symbol.upper(), number, event_ms), socket)
            else:
                driver.frame(diff(symbol.upper(), (number, number, number - 1), event_ms), socket)
        driver.run(0.1)


def subscribed(driver: Driver, since: int) -> list[list[str]]:
    return [
        message["params"]
        for send in driver.all(Send, since)
        if (message := orjson.loads(send.text))["method"] == "SUBSCRIBE"
    ]


def test_a_stream_that_falls_silent_is_told_subscribed_again_and_told_when_it_is_back() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    flow(driver, 5.0, "btcusdt@depth@100ms", "ethusdt@depth@100ms")
    before = len(driver.done)
    flow(driver, 12.0, "btcusdt@depth@100ms")

    assert driver.notes("stream_silent") == ["fell silent: ethusdt@depth@100ms; subscribing again"]
    assert subscribed(driver, before) == [["ethusdt@depth@100ms"]]
    assert driver.core.status.streams_silent == 1
    assert driver.all(Open, before) == []

    flow(driver, 3.0, "btcusdt@depth@100ms", "ethusdt@depth@100ms")

    assert driver.notes("stream_silent_over") == ["not silent any more: ethusdt@depth@100ms"]
    assert driver.core.status.streams_silent == 0


def test_a_quiet_stream_is_given_twice_as_long_each_time() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    for _ in range(20):
        flow(driver, 15.0, "btcusdt@depth@100ms")
        flow(driver, 1.0, "btcusdt@depth@100ms", "ethusdt@depth@100ms")

    assert len(driver.notes("stream_silent")) == 1


def test_a_stream_that_never_said_anything_is_silent_too() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    flow(driver, 12.0, "btcusdt@depth@100ms")

    assert len(driver.notes("stream_silent")) == 1


def test_trades_are_given_longer_than_depth() -> None:
    driver = Driver(symbols=("BTCUSDT",), streams=("depth@100ms", "trade"), silence_s=10.0, trade_silence_s=60.0)
    flow(driver, 50.0, "btcusdt@depth@100ms")

    assert driver.notes("stream_silent") == []


def test_a_socket_that_brings_nothing_is_replaced_by_one_that_is_up_before() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    flow(driver, 5.0, "btcusdt@depth@100ms", "ethusdt@depth@100ms")
    driver.run(11.0)

    assert len(driver.notes("socket_silent")) == 1
    assert driver.core.status.reconnects == {"silent": 1}
    assert list(driver.up) == [1, max(driver.up)]

    flow(driver, 1.0, "btcusdt@depth@100ms", "ethusdt@depth@100ms")

    assert 1 not in driver.up


def test_a_night_of_silence_is_forgotten_after_a_good_hour() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.run(3600.0)
    told = len(driver.notes("socket_silent"))
    for _ in range(400):
        driver.frame(diff("BTCUSDT", (1, 1, 0), driver.event_ms()))
        driver.run(9.5)
    driver.run(12.0)

    assert len(driver.notes("socket_silent")) == told + 1


def test_a_market_that_sleeps_is_not_reconnected_all_night() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.run(3600.0)

    assert 5 <= len(driver.notes("socket_silent")) <= 9
    assert len(driver.all(Note)) < 60


def test_depth_without_any_trade_names_the_likely_cause() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms", "aggTrade"))
    public = next(number for number, url in driver.urls.items() if "/public/" in url)
    flow(driver, 59.0, "btcusdt@depth@100ms", socket=public)

    assert driver.notes("no_trades") == []

    flow(driver, 3.0, "btcusdt@depth@100ms", socket=public)
    (text,) = driver.notes("no_trades")

    assert text.startswith("no aggTrade of any symbol for 60 s while depth flows")
    assert "without /public and /market delivers depth, and never aggTrade" in text


def test_where_all_streams_share_a_path_no_wrong_cause_is_named() -> None:
    driver = Driver("binance-spot", streams=("depth@100ms", "trade"))
    flow(driver, 62.0, "btcusdt@depth@100ms")

    (text,) = driver.notes("no_trades")

    assert text.endswith("either nobody trades, or the address serves none; check the WebSocket address")


def test_trades_that_come_again_end_the_warning() -> None:
    driver = Driver(streams=("depth@100ms", "trade"))
    flow(driver, 70.0, "btcusdt@depth@100ms")
    flow(driver, 2.0, "btcusdt@depth@100ms", "btcusdt@trade")

    assert len(driver.notes("no_trades")) == 1
    assert len(driver.notes("no_trades_over")) == 1


def test_no_trades_are_missed_while_nothing_flows_or_none_were_asked_for() -> None:
    quiet = Driver(streams=("depth@100ms", "trade"))
    quiet.run(200.0)
    depth_only = Driver(streams=("depth@100ms",))
    flow(depth_only, 100.0, "btcusdt@depth@100ms")

    assert quiet.notes("no_trades") + depth_only.notes("no_trades") == []


def test_a_socket_that_falls_behind_is_replaced() -> None:
    driver = Driver(streams=("depth@100ms",))
    flow(driver, 70.0, "btcusdt@depth@100ms", late_ms=20)
    flow(driver, 2.0, "btcusdt@depth@100ms", late_ms=4900)

    assert driver.notes("socket_late") == []

    flow(driver, 5.0, "btcusdt@depth@100ms", late_ms=5100, socket=1)

    assert "5.1 s later than they once did" in driver.notes("socket_late")[0]
    assert driver.core.status.reconnects["late"] == 1
    assert driver.core.status.lag_ms == 5100


def test_a_socket_that_catches_up_is_left_alone() -> None:
    driver = Driver(streams=("depth@100ms",))
    flow(driver, 70.0, "btcusdt@depth@100ms")
    for late_ms in range(60_000, 5_000, -5_000):
        flow(driver, 1.0, "btcusdt@depth@100ms", late_ms=late_ms)

    assert driver.notes("socket_late") == []


@pytest.mark.parametrize(("ahead_ms", "told"), [(1270, 1), (60, 1), (40, 0), (-500, 0)])
def test_a_clock_that_is_behind_is_told_and_nothing_is_corrected(ahead_ms: int, told: int) -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.clock_ahead_ms = ahead_ms
    flow(driver, 5.0, "btcusdt@depth@100ms")

    assert len(driver.notes("clock_behind")) == told
    assert driver.core.status.lag_ms == -ahead_ms

    driver.clock_ahead_ms = -1
    flow(driver, 2.0, "btcusdt@depth@100ms")

    assert len(driver.notes("clock_behind_over")) == told
