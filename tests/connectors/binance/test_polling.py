"""REST polling: even, within the weight, and honest about what that does not carry."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from connectors.binance.actions import Answer, Fetch, Open, Write
from connectors.binance.options import FeedOptions
from connectors.binance.polling import polling_problem
from connectors.binance.venue import VENUES
from tests.connectors.binance.driver import Driver, book

TEN = tuple(f"S{number}USDT" for number in range(10))


def polled(driver: Driver) -> Counter[str | None]:
    return Counter(fetch.symbol for fetch in driver.all(Fetch))


def test_each_symbol_is_polled_each_interval_and_no_socket_is_opened() -> None:
    driver = Driver("binance-spot", symbols=TEN, rest_interval_s=2.0, answer=lambda _: book(7))
    driver.run(59.9)

    assert driver.all(Open) == []
    assert set(polled(driver).values()) == {30}
    assert driver.all(Fetch)[0].url == "https://exchange:2/api/v3/depth?symbol=S0USDT&limit=20"
    assert driver.core.status.polls == 300
    assert driver.core.status.down_since_s is None


def test_polls_are_spread_over_the_interval() -> None:
    driver = Driver("binance-spot", symbols=TEN, rest_interval_s=1.0, answer=lambda _: book(7))
    driver.run(10.0)

    assert max(Counter(driver.times(Fetch)).values()) <= 2


def test_a_polled_book_is_written_as_a_partial_depth() -> None:
    driver = Driver(rest_interval_s=1.0, answer=lambda _: Answer(200, {}, b'{"lastUpdateId":7, "bids":[],"asks":[]}'))
    driver.run(0.1)

    assert driver.all(Write) == [
        Write(
            "BTCUSDT",
            b'{"stream":"btcusdt@restdepth20","data":{"lastUpdateId":7, "bids":[],"asks":[]}}',
            [("recv_ns", b"1700000000000000000")],
        )
    ]


@pytest.mark.parametrize(
    ("venue", "symbols", "interval_s", "most"),
    [
        ("binance-usdm", 17, 1.0, "poll at most 16 symbols, or each 1.1 s"),
        ("binance-spot", 17, 1.0, "at most 16 symbols"),
    ],
)
def test_what_the_weight_does_not_carry_is_said_with_the_numbers(
    venue: str, symbols: int, interval_s: float, most: str
) -> None:
    problem = polling_problem(VENUES[venue], FeedOptions(rest_interval_s=interval_s), symbols)

    assert problem is not None
    assert most in problem
    assert polling_problem(VENUES[venue], FeedOptions(rest_interval_s=interval_s), symbols - 1) is None
    assert polling_problem(VENUES[venue], FeedOptions(), symbols) is None


def test_more_symbols_than_the_weight_carries_are_polled_less_often() -> None:
    driver = Driver(symbols=TEN, rest_interval_s=1.0, answer=lambda _: book(7))
    driver.core.want([f"S{number}USDT" for number in range(32)], driver.now_s)
    driver.run(300.0)
    times = driver.times(Fetch)

    assert max(2 * sum(at_s <= each < at_s + 60.0 for each in times) for at_s in times[::50]) <= 1920
    assert set(polled(driver).values()) <= {149, 150, 151}  # each 2 s
    assert driver.notes("polls_stretched") == [
        "32 symbols each 1 s need more than 1920 weight a minute; they are polled each 2.0 s"
    ]


def test_polls_that_the_exchange_does_not_take_in_time_are_told() -> None:
    driver = Driver(symbols=TEN, rest_interval_s=1.0, answer=lambda _: Answer(429, {"retry-after": "20"}, b""))
    driver.run(5.0)
    driver.answer = lambda _: book(7)
    driver.run(30.0)

    assert len(driver.notes("polls_late")) == 1
    assert len(driver.notes("polls_late_over")) == 1


def test_one_that_is_not_answered_yet_is_not_asked_again() -> None:
    driver = Driver(rest_interval_s=1.0)
    driver.run(30.0)

    assert len(driver.all(Fetch)) == 1

    driver.run(35.0)  # given up after a minute

    assert len(driver.all(Fetch)) == 2


def test_answers_that_are_no_books_are_not_written() -> None:
    answers = iter([Answer(200, {}, b"<html>"), Answer(500, {}, b""), Answer(0, {}, b"", "no route"), book(7)])
    driver = Driver(rest_interval_s=1.0, answer=lambda _: next(answers))
    driver.run(2.9)

    assert driver.all(Write) == []
    assert driver.core.status.fetches_failed == {"bad_body": 1, "5xx": 1, "no_answer": 1}
    assert driver.core.status.down_since_s == 0.0

    driver.run(0.2)

    assert len(driver.all(Write)) == 1
    assert driver.core.status.down_since_s is None


def test_too_many_requests_stop_all_polls() -> None:
    driver = Driver(symbols=TEN, rest_interval_s=1.0, answer=lambda _: Answer(429, {"retry-after": "20"}, b""))
    driver.run(0.1)
    sent = len(driver.all(Fetch))
    driver.answer = lambda _: book(7)
    driver.run(19.0)

    assert len(driver.all(Fetch)) == sent

    driver.run(5.0)

    assert len(driver.all(Fetch)) > sent + 10


def test_symbols_come_and_go() -> None:
    driver = Driver(symbols=("BTCUSDT",), rest_interval_s=1.0, answer=lambda _: book(7))
    driver.run(5.0)
    before = len(driver.done)
    driver.core.want(["ETHUSDT"], driver.now_s)
    driver.run(5.0)

    assert {orjson.loads(write.value)["stream"] for write in driver.all(Write, before)} == {"ethusdt@restdepth20"}
