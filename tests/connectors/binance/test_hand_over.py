"""The seam between two sockets: who passes first, what waits, what is a double."""

from __future__ import annotations

import orjson
import pytest

from connectors.binance.actions import Write
from tests.connectors.binance.driver import Driver, diff, envelope, trade

OLD, NEW = "old", "new"


def handing_over(stream: str, venue: str = "binance-usdm", frame: bytes = b'{"e":"serverShutdown"}') -> Driver:
    """Two sockets of BTCUSDT and ETHUSDT; nothing of ETHUSDT comes, so that the old one stays."""
    driver = Driver(venue, symbols=("BTCUSDT", "ETHUSDT"), streams=(stream,), silence_s=1e6, trade_silence_s=1e6)
    driver.frame(message(driver, stream, 10))
    driver.frame(frame, 1)
    driver.run(0.1)
    assert len(driver.up) == 2
    return driver


def message(driver: Driver, stream: str, number: int) -> bytes:
    if stream == "trade":
        return trade("BTCUSDT", number, driver.event_ms())
    if stream == "aggTrade":
        return envelope("btcusdt@aggTrade", {"E": driver.event_ms(), "a": number})
    if stream == "depth@100ms":
        previous = number - 1 if driver.venue.chained else None
        return diff("BTCUSDT", (number, number, previous), driver.event_ms())
    name = "u" if driver.venue.chained else "lastUpdateId"
    return envelope(f"btcusdt@{stream}", {"E": driver.event_ms(), name: number})


def passed(driver: Driver, stream: str, arrivals: list[tuple[str, int]]) -> list[int]:
    """The ids that were written, in order."""
    before = len(driver.done)
    for which, number in arrivals:
        driver.frame(message(driver, stream, number), 1 if which == OLD else max(driver.up))
    payloads = [orjson.loads(write.value)["data"] for write in driver.all(Write, before)]
    return [next(each[name] for name in ("u", "lastUpdateId", "t", "a") if name in each) for each in payloads]


STREAMS = [("trade", "binance-usdm"), ("depth@100ms", "binance-usdm"), ("depth@100ms", "binance-spot")]


@pytest.mark.parametrize(("stream", "venue"), [*STREAMS, ("aggTrade", "binance-spot")])
@pytest.mark.parametrize(
    ("arrivals", "written"),
    [
        ([(OLD, 11), (NEW, 11), (OLD, 12), (NEW, 12)], [11, 12]),
        ([(NEW, 10), (NEW, 11), (OLD, 11), (NEW, 12)], [11, 12]),
        ([(NEW, 11), (NEW, 12), (OLD, 11), (OLD, 12), (OLD, 13)], [11, 12, 13]),  # exactly what comes next
        ([(NEW, 13), (NEW, 14), (OLD, 11)], [11]),  # 12 is still to come
        ([(NEW, 13), (NEW, 14), (OLD, 11), (OLD, 12)], [11, 12]),
        ([(NEW, 13), (NEW, 14), (OLD, 11), (OLD, 12), (OLD, 13)], [11, 12, 13, 14]),
        ([(NEW, 13), (OLD, 11), (OLD, 12), (OLD, 13), (NEW, 14), (OLD, 14), (OLD, 15)], [11, 12, 13, 14, 15]),
    ],
)
def test_what_lies_before_passes_before(
    stream: str, venue: str, arrivals: list[tuple[str, int]], written: list[int]
) -> None:
    assert passed(handing_over(stream, venue), stream, arrivals) == written


@pytest.mark.parametrize("stream", ["depth20@100ms", "bookTicker"])
def test_ids_that_leap_are_held_until_the_old_socket_is_as_far(stream: str) -> None:
    driver = handing_over(stream)

    assert passed(driver, stream, [(NEW, 30), (OLD, 20)]) == [20]
    assert passed(driver, stream, [(OLD, 30)]) == [30]
    assert passed(driver, stream, [(NEW, 40), (OLD, 40)]) == [40]


def test_nothing_is_held_longer_than_a_second() -> None:
    driver = handing_over("trade")

    assert passed(driver, "trade", [(NEW, 13), (NEW, 14)]) == []

    before = len(driver.done)
    driver.run(1.1)

    assert [orjson.loads(write.value)["data"]["t"] for write in driver.all(Write, before)] == [13, 14]
    assert passed(driver, "trade", [(NEW, 15), (OLD, 12), (OLD, 16)]) == [15, 16]


def test_what_is_held_passes_when_the_old_socket_ends() -> None:
    driver = handing_over("trade")
    passed(driver, "trade", [(NEW, 13), (NEW, 14)])
    driver.cut(1)

    assert passed(driver, "trade", [(NEW, 15)]) == [13, 14, 15]


def test_what_is_held_waits_for_the_old_socket_when_the_next_one_ends() -> None:
    driver = handing_over("trade")
    passed(driver, "trade", [(NEW, 12)])
    driver.cut(max(driver.up))

    assert passed(driver, "trade", [(OLD, 11), (OLD, 12), (OLD, 13)]) == [11, 12, 13]


def test_nothing_is_held_when_the_old_socket_is_silent() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("trade",), trade_silence_s=10.0)
    driver.frame(message(driver, "trade", 10))
    driver.run(11.0)

    assert len(driver.up) == 2
    assert passed(driver, "trade", [(NEW, 13), (NEW, 14), (OLD, 11), (OLD, 15)]) == [13, 14, 15]
    assert driver.core.status.dropped == 1
