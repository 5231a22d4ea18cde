"""Who gets a snapshot, when, and what happens to those that are too old or never come."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest

from connectors.binance.actions import Answer, Fetch, Write
from tests.connectors.binance.driver import Driver, book, diff


def follow(driver: Driver, symbol: str, last: int, asks: object = (), bids: object = ()) -> None:
    """The difference behind ``last``, of ten ids."""
    driver.frame(diff(symbol, (last + 1, last + 10, last), driver.event_ms(), asks, bids))


def seeded(symbols: tuple[str, ...] = ("BTCUSDT",), **options: object) -> Driver:
    """Books that are whole, the last id 20."""
    driver = Driver(symbols=symbols, streams=("depth@100ms",), **options)  # type: ignore[arg-type]
    driver.answer = lambda _: book(15)
    for symbol in symbols:
        follow(driver, symbol, 10)
    driver.run(3.0)
    driver.answer = lambda _: None
    return driver


def purposes(driver: Driver) -> list[str]:
    return [fetch.purpose for fetch in driver.all(Fetch)]


def test_a_snapshot_that_is_too_old_is_written_and_asked_for_again_a_second_later() -> None:
    driver = Driver(streams=("depth@100ms",))
    answers = iter([5, 6, 7, 12])
    driver.answer = lambda _: book(next(answers))
    follow(driver, "BTCUSDT", 10)
    driver.run(10.0)

    assert purposes(driver) == ["connect", "retry", "retry", "retry"]
    assert all(late - soon >= 1.0 for soon, late in pairwise(driver.times(Fetch)))
    written = [write.value for write in driver.all(Write) if b"@snapshot" in write.value]
    assert [orjson.loads(value)["data"]["lastUpdateId"] for value in written] == [5, 6, 7, 12]
    assert driver.core.status.snapshots == {"connect": 1, "retry": 3}
    assert driver.core.status.resyncing == 0


def test_a_snapshot_is_written_as_it_was_received() -> None:
    driver = Driver("binance-coinm", symbols=("BTCUSD_PERP",), streams=("depth@100ms",))
    body = b'{ "lastUpdateId":15, "E":1, "bids":[["1.0","2"]], "asks":[], "odd": null }\n'
    driver.answer = lambda _: Answer(200, {}, body)
    follow(driver, "BTCUSD_PERP", 10)
    driver.run(1.0)

    assert driver.all(Write)[-1] == Write(
        "BTCUSD_PERP",
        b'{"stream":"btcusd_perp@snapshot","data":' + body + b"}",
        [("recv_ns", b"%d" % (driver.recv_ns() - 900_000_000))],
    )


def test_books_are_audited_each_interval() -> None:
    driver = seeded(audit_interval_s=100.0, silence_s=1e6)
    driver.answer = lambda _: book(20)
    driver.run(400.0)
    times = driver.times(Fetch)

    assert purposes(driver)[:4] == ["connect", "audit", "audit", "audit"]
    assert all(90.0 <= late - soon <= 101.0 for soon, late in pairwise(times))


def test_gaps_without_end_bring_at_most_one_snapshot_a_second() -> None:
    driver = seeded()
    driver.answer = lambda _: book(1)
    for number in range(100):
        follow(driver, "BTCUSDT", 1000 * (number + 1))
        driver.run(0.1)

    assert driver.core.status.gaps == 100
    assert all(late - soon >= 1.0 for soon, late in pairwise(driver.times(Fetch)))
    assert 9 <= len(driver.times(Fetch)) - 1 <= 10


@pytest.mark.parametrize(
    ("answer", "least_s", "most_s"),
    [
        (Answer(0, {}, b"", "timed out"), 1.0, 1.2),
        (Answer(502, {}, b"<html>"), 1.0, 1.2),
        (Answer(200, {}, b"<html>a page in between</html>"), 1.0, 1.2),
        (Answer(200, {}, b'{"code":0}'), 1.0, 1.2),
        (Answer(429, {"retry-after": "30"}, b""), 30.0, 30.3),
        (Answer(418, {"retry-after": "45"}, b""), 45.0, 45.3),
        (Answer(400, {}, b'{"code":-1121,"msg":"Invalid symbol."}'), 60.0, 60.3),
    ],
)
def test_a_request_that_fails_is_asked_again_when_it_has_a_chance(
    answer: Answer, least_s: float, most_s: float
) -> None:
    driver = Driver(streams=("depth@100ms",), jitter=0.999, silence_s=1e6)
    driver.answer = lambda _: answer
    follow(driver, "BTCUSDT", 10)
    driver.run(0.2)
    driver.answer = lambda _: book(15)
    driver.run(100.0)
    first_s, second_s = driver.times(Fetch)

    assert least_s <= second_s - first_s <= most_s
    assert purposes(driver) == ["connect", "connect"]
    assert driver.core.status.resyncing == 0
    assert driver.core.status.snapshots == {"connect": 1}


def test_the_most_urgent_is_asked_first_when_the_weight_is_short() -> None:
    symbols = tuple(f"S{number}USDT" for number in range(60))
    driver = Driver(symbols=symbols, streams=("depth@100ms",), weight_share=0.5)  # 1200 a minute: 60 snapshots
    for symbol in symbols:
        follow(driver, symbol, 10)
    driver.answer = lambda fetch: book(15)
    driver.run(20.0)

    assert len(driver.all(Fetch)) == 54  # 90 %: the rest is kept for gaps
    driver.answer = lambda fetch: book(1000)
    for number in range(10):
        follow(driver, f"S{number}USDT", 500)
    driver.run(5.0)

    assert purposes(driver)[54:] == ["gap"] * 6  # now nothing is left of this minute

    driver.run(60.0)

    assert purposes(driver)[60:64] == ["gap"] * 4
    assert set(purposes(driver)[64:]) == {"connect"}
    assert driver.core.status.resyncing == 0


def test_many_books_say_what_the_weight_means_for_them() -> None:
    driver = Driver(symbols=tuple(f"S{number}USDT" for number in range(500)), streams=("depth@100ms",))

    assert driver.notes("snapshot_budget") == [
        "first snapshots of 500 symbols take about 5.2 min (20 weight each, 1920 a minute); audits each 625 s"
    ]


@pytest.mark.parametrize(("symbols", "limit"), [(1, 5000), (9, 5000), (10, 1000), (200, 1000)])
def test_spot_snapshots_are_as_deep_as_the_weight_allows(symbols: int, limit: int) -> None:
    names = tuple(f"S{number}USDT" for number in range(symbols))
    driver = Driver("binance-spot", symbols=names, streams=("depth@100ms",))
    driver.frame(diff(names[0], (1, 10, None), driver.event_ms()))
    driver.run(1.0)

    assert driver.all(Fetch)[0].url.endswith(f"/api/v3/depth?symbol=S0USDT&limit={limit}")


def test_a_book_that_broke_is_healed_with_fewer_levels_when_the_weight_is_short() -> None:
    driver = Driver("binance-spot", streams=("depth@100ms",), weight_share=0.1)  # 600 a minute
    driver.answer = lambda _: book(int(last) + 5)
    for last in (10, 1000, 2000, 3000):
        driver.frame(diff("BTCUSDT", (last + 1, last + 10, None), driver.event_ms()))
        driver.run(2.0)
        assert driver.core.status.resyncing == 0

    assert [fetch.url.rpartition("=")[2] for fetch in driver.all(Fetch)] == ["5000", "1000", "1000", "1000"]
    assert driver.core.status.weight_used == 400


def test_the_depth_of_snapshots_can_be_chosen() -> None:
    driver = Driver("binance-spot", streams=("depth@100ms",), snapshot_limit=100)
    driver.frame(diff("BTCUSDT", (1, 10, None), driver.event_ms()))
    driver.run(1.0)

    assert [(fetch.url[-9:], fetch.weight) for fetch in driver.all(Fetch)] == [("limit=100", 5)]


DEEP = {
    "bids": [[str(100 - number / 100), "1"] for number in range(1000)],  # 100 down to 90.01
    "asks": [[str(101 + number / 100), "1"] for number in range(1000)],  # 101 up to 110.99
}


@pytest.mark.parametrize(
    ("asks", "bids", "asked"),
    [
        ([["94.0", "1"]], [], True),  # the best ask is at most 94: more than half of the bids is behind
        ([["95.1", "1"]], [], False),
        ([["94.0", "0"]], [], False),  # a level that is gone tells nothing
        ([], [["107.0", "1"]], True),
        ([], [["105.9", "1"]], False),
        ([], [["94.0", "1"]], False),  # a far bid: the best one is above
        ([["120.0", "1"]], [["50.0", "1"]], False),
        ([["x", "1"]], [], False),
        ([[]], [], False),
    ],
)
def test_a_market_that_leaves_half_of_the_band_behind_gets_a_new_one(asks: object, bids: object, asked: bool) -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(15, **DEEP)
    follow(driver, "BTCUSDT", 10)
    driver.run(3.0)
    follow(driver, "BTCUSDT", 20, asks, bids)
    driver.run(3.0)

    assert purposes(driver) == ["connect", *(["band"] if asked else [])]


def test_the_market_is_looked_for_twice_a_second_at_most() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(15, **DEEP)
    follow(driver, "BTCUSDT", 10)
    driver.run(1.0)
    follow(driver, "BTCUSDT", 20)
    follow(driver, "BTCUSDT", 30, asks=[["94.0", "1"]])
    driver.run(1.0)

    assert purposes(driver) == ["connect"]

    follow(driver, "BTCUSDT", 40, asks=[["94.0", "1"]])
    driver.run(1.0)

    assert purposes(driver) == ["connect", "band"]


def test_a_book_that_is_known_to_its_end_has_no_band_to_leave() -> None:
    driver = seeded()  # one level a side, of 1000 that were asked for
    follow(driver, "BTCUSDT", 20, asks=[["1.0", "1"]])
    driver.run(3.0)

    assert purposes(driver) == ["connect"]


def test_a_snapshot_of_a_symbol_that_was_removed_meanwhile_is_written() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("depth@100ms",))
    follow(driver, "BTCUSDT", 10)
    driver.run(0.5)
    (fetch,) = driver.all(Fetch)
    driver.core.want(["ETHUSDT"], driver.now_s)
    driver.core.fetched(fetch.number, book(15), driver.recv_ns(), driver.now_s)
    driver.work()
    driver.run(5.0)

    assert driver.all(Write)[-1].symbol == "BTCUSDT"
    assert len(driver.all(Fetch)) == 1


def test_a_request_that_is_lost_is_sent_again() -> None:
    driver = Driver(streams=("depth@100ms",), silence_s=1e6)
    follow(driver, "BTCUSDT", 10)
    driver.run(0.5)
    driver.answer = lambda _: book(15)
    driver.run(65.0)

    assert purposes(driver) == ["connect", "connect"]
    assert driver.core.status.resyncing == 0
