"""Sockets: split, subscribed within the limits, replaced in time, handed over without a loss or a double."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
import pytest

from connectors.binance.actions import Answer, Close, Fetch, Open, Send, Write
from tests.connectors.binance.driver import Driver, book, diff, trade

HOUR_S = 3600.0


def symbols(count: int) -> tuple[str, ...]:
    return tuple(f"S{number}USDT" for number in range(count))


def flow(driver: Driver, seconds: float, *names: str, sockets: tuple[int, ...] = ()) -> None:
    """Let trades come, ten a second of each symbol, on the given sockets (default: all that are up)."""
    for _ in range(round(seconds * 10)):
        number = round(driver.now_s * 10) + 1
        for socket in sockets or tuple(driver.up):
            for name in names:
                if socket in driver.up:
                    driver.frame(trade(name, number, driver.event_ms()), socket)
        driver.run(0.1)


def test_streams_are_split_by_streams_per_connection_and_symbols_stay_whole() -> None:
    driver = Driver(
        symbols=symbols(500), streams=("depth20@100ms", "trade", "bookTicker"), messages_per_connection=10**6
    )
    driver.run(5.0)

    assert len(driver.up) == 8  # 66 symbols of three streams on each
    assert max(map(len, driver.up.values())) <= 200
    for symbol in symbols(500):
        names = [f"{symbol.lower()}@{suffix}" for suffix in ("depth20@100ms", "trade", "bookTicker")]
        assert len({tuple(driver.carrying(name)) for name in names}) == 1


def test_streams_are_split_by_messages_a_second_too() -> None:
    driver = Driver(
        "binance-spot", symbols=symbols(100), streams=("depth20@100ms", "trade"), messages_per_connection=500
    )

    assert len(driver.up) == 4  # estimated 20 messages a second each


def test_agg_trades_of_usdm_have_sockets_of_their_own() -> None:
    driver = Driver(symbols=symbols(2), streams=("depth@100ms", "bookTicker", "aggTrade"))

    assert Counter(driver.urls[number].removeprefix("wss://exchange:1") for number in driver.up) == {
        "/public/stream": 1,
        "/market/stream": 1,
    }


def test_new_symbols_fill_the_holes_and_move_nobody() -> None:
    driver = Driver(symbols=symbols(400), streams=("trade",), messages_per_connection=10**6)
    driver.run(5.0)
    before = len(driver.done)
    kept = [symbol for symbol in symbols(400) if symbol not in {"S3USDT", "S250USDT"}]
    driver.core.want([*kept, "NEW1USDT", "NEW2USDT"], driver.now_s)
    driver.run(5.0)

    assert driver.all(Open, before) == []
    sent = [orjson.loads(send.text) for send in driver.all(Send, before)]
    assert Counter((message["method"], len(message["params"])) for message in sent) == {
        ("UNSUBSCRIBE", 1): 2,
        ("SUBSCRIBE", 1): 2,
    }


def test_a_socket_without_symbols_is_closed_and_its_line_forgotten() -> None:
    driver = Driver(symbols=symbols(2), streams=("trade",))
    driver.core.want([], driver.now_s)
    driver.work()
    driver.run(5.0)

    assert driver.up == {}
    assert driver.core.status.sockets == 0
    assert driver.core.status.down_since_s is None


@pytest.mark.parametrize(("venue", "most"), [("binance-spot", 5), ("binance-usdm", 10), ("binance-coinm", 10)])
def test_no_second_holds_more_messages_than_the_venue_takes(venue: str, most: int) -> None:
    driver = Driver(venue, symbols=symbols(190), streams=("trade",), messages_per_connection=10**6)
    for round_ in range(30):
        driver.core.want(symbols(190)[round_:], driver.now_s)
        driver.work()
        driver.run(0.2)
    driver.run(10.0)
    times = driver.times(Send)

    assert max(sum(at_s <= each < at_s + 1.0 for each in times) for at_s in times) <= most // 2
    assert set(driver.up[max(driver.up)]) == {f"{symbol.lower()}@trade" for symbol in symbols(190)[29:]}


def test_the_wait_to_connect_again_grows_and_is_told() -> None:
    driver = Driver(streams=("trade",), jitter=0.999)
    driver.connects = False
    driver.cut(1, "Connection reset by peer")
    driver.run(40.0)
    opens = driver.times(Open)[1:]

    assert [round(late - soon) for soon, late in pairwise(opens)] == [1, 2, 4, 8, 16]
    assert "closed after 0 s: Connection reset by peer; again in 0.5 s" in driver.notes("socket_closed")[0]
    assert "expected a connection to wss://exchange:1/public/stream" in driver.notes("connect_failed")[0]
    assert "received: no network; again in 1.0 s" in driver.notes("connect_failed")[0]
    assert driver.core.status.down_since_s == 0.0

    driver.connects = True
    driver.run(60.0)

    assert driver.core.status.down_since_s is None


def test_never_more_connection_attempts_in_five_minutes_than_our_share() -> None:
    driver = Driver(symbols=symbols(40), streams=("trade",), streams_per_connection=1)
    driver.connects = False
    for socket in list(driver.up):
        driver.cut(socket)
    driver.run(900.0)
    times = driver.times(Open)

    assert max(sum(at_s <= each < at_s + 300.0 for each in times) for at_s in times) <= 150
    assert set(driver.notes("connect_limit")) == {"150 connections in 5 minutes are ours; the next one waits"}
    assert len(driver.notes("connect_limit")) <= 3  # each time that some are free again


def test_a_socket_hands_over_before_it_is_a_day_old_without_loss_or_double() -> None:
    driver = Driver(streams=("trade",), lifetime_s=240.0, trade_silence_s=1e6)
    flow(driver, 300.0, "BTCUSDT")
    opens, closes = driver.times(Open), driver.times(Close)

    assert 230.0 < opens[1] < 235.0
    assert closes[0] < 240.0
    assert len(driver.up) == 1
    numbers = [orjson.loads(write.value)["data"]["t"] for write in driver.all(Write)]
    assert numbers == list(range(1, 3001))
    assert driver.core.status.dropped > 0
    assert driver.core.status.reconnects == {"lifetime": 1}


def test_lifetimes_are_spread() -> None:
    ends = []
    for jitter in (0.0, 0.999):
        driver = Driver(streams=("trade",), jitter=jitter, trade_silence_s=1e6)
        driver.now_s = 23 * HOUR_S - 1.0
        driver.run(3600.0)
        ends.append(driver.times(Open)[1] / HOUR_S)

    assert ends == [pytest.approx(23.5, abs=0.01), pytest.approx(23.0, abs=0.01)]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
        b'{"e":"serverShutdown","E":1}',
    ],
)
def test_a_shutdown_that_is_announced_starts_the_hand_over_and_is_not_written(frame: bytes) -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("trade",))
    flow(driver, 2.0, "BTCUSDT")

    assert driver.frame(frame, 1) == []

    flow(driver, 11.5, "BTCUSDT")  # nobody trades ETH: the old socket stays 10 s

    assert [close.socket for close in driver.all(Close)] == [1]
    assert 12.0 < driver.times(Close)[0] < 13.0
    assert driver.core.status.reconnects == {"shutdown": 1}


def test_an_end_that_comes_before_the_hand_over_is_done_goes_on_with_the_next_socket() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(10**6)
    driver.frame(diff("BTCUSDT", (1, 10, 0), driver.event_ms()))
    driver.run(2.0)
    driver.frame(b'{"e":"serverShutdown"}', 1)
    driver.run(0.2)
    before = len(driver.done)
    driver.cut(1)
    driver.run(5.0)

    assert driver.all(Open, before) == []
    assert len(driver.up) == 1

    # The next one repeats what the first brought, then goes on.
    assert driver.frame(diff("BTCUSDT", (1, 10, 0), driver.event_ms())) == []
    assert len(driver.frame(diff("BTCUSDT", (11, 20, 10), driver.event_ms()))) == 1


def test_a_renewed_subscription_asks_for_a_snapshot_a_handed_over_one_does_not() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(1)
    driver.frame(diff("BTCUSDT", (1, 10, 0), driver.event_ms()))
    driver.run(5.0)
    driver.frame(b'{"e":"serverShutdown"}', 1)
    driver.run(0.2)
    for number in range(1, 4):
        driver.frame(diff("BTCUSDT", (10 * number + 1, 10 * number + 10, 10 * number), driver.event_ms()))
        driver.run(1.0)

    assert [fetch.purpose for fetch in driver.all(Fetch)] == ["connect"]

    driver.cut(max(driver.up))
    driver.run(2.0)
    driver.frame(diff("BTCUSDT", (41, 50, 40), driver.event_ms()))
    driver.run(2.0)

    assert [fetch.purpose for fetch in driver.all(Fetch)] == ["connect", "reconnect"]
    assert driver.core.status.gaps == 0


def test_a_next_socket_that_fails_leaves_the_old_one_alone() -> None:
    driver = Driver(streams=("trade",), trade_silence_s=1e6)
    driver.connects = False
    driver.frame(b'{"e":"serverShutdown"}', 1)
    driver.run(10.0)

    assert list(driver.up) == [1]

    driver.connects = True
    driver.run(40.0)

    assert len(driver.up) == 1
    assert driver.up.get(1) is None


def test_doubles_are_dropped_no_longer_once_a_hand_over_has_failed() -> None:
    driver = Driver(streams=("trade",), trade_silence_s=1e6)
    driver.frame(b'{"e":"serverShutdown"}', 1)
    driver.run(0.1)
    driver.connects = False
    driver.cut(max(driver.up))
    driver.frame(trade("BTCUSDT", 5, driver.event_ms()), 1)
    driver.run(20.0)

    assert len(driver.frame(trade("BTCUSDT", 5, driver.event_ms()), 1)) == 1


def test_ids_that_the_venue_began_anew_pass_in_a_hand_over_too() -> None:
    driver = Driver(streams=("trade",), trade_silence_s=1e6)
    driver.frame(trade("BTCUSDT", 1000, driver.event_ms()))
    driver.run(120.0)
    driver.frame(b'{"e":"serverShutdown"}', 1)
    driver.run(1.0)

    assert len(driver.frame(trade("BTCUSDT", 1, driver.event_ms()))) == 1
    assert len(driver.frame(trade("BTCUSDT", 1, driver.event_ms()), 1)) == 0


def test_a_connection_that_never_comes_is_given_up() -> None:
    driver = Driver(streams=("trade",))
    driver.cut(1)
    driver._do = lambda action: None  # type: ignore[method-assign]
    driver.run(40.0)

    assert [close.why for close in driver.all(Close)] == ["not connected within 30 s"]


def test_streams_that_the_exchange_refuses_keep_no_others_out() -> None:
    driver = Driver(symbols=symbols(16), streams=("trade",))
    driver.cut(1)
    refuse = driver._subscribe

    def subscribe(action: Send) -> None:
        message: dict[str, Any] = orjson.loads(action.text)
        if "s7usdt@trade" not in message["params"]:
            refuse(action)
            return
        reply = {"error": {"code": 2, "msg": "Invalid request"}, "id": message["id"]}
        driver.core.frame(action.socket, orjson.dumps(reply), driver.recv_ns(), driver.now_s)

    driver._subscribe = subscribe  # type: ignore[method-assign]
    driver.run(60.0)

    assert len(driver.up[max(driver.up)]) == 15
    assert "received: 2 Invalid request" in driver.notes("refused")[0]


def test_a_socket_that_answers_no_subscription_is_replaced() -> None:
    driver = Driver(streams=("trade",), trade_silence_s=1e6)
    driver.cut(1)
    driver.confirms = False
    driver.run(45.0)

    assert len(driver.times(Open)) > 2
    assert driver.core.status.reconnects["unanswered"] == 1


def test_facts_about_sockets_that_are_gone_do_no_harm() -> None:
    driver = Driver(streams=("trade",))
    before = len(driver.done)
    driver.core.opened(99, driver.now_s)
    driver.core.closed(99, "?", driver.now_s)
    driver.core.fetched(99, Answer(200, {}, b"{}"), 1, driver.now_s)
    driver.work()

    assert driver.done[before:] == []
    assert len(driver.frame(trade("BTCUSDT", 1, driver.event_ms()), 99)) == 1
