"""Frames of every sort: written as they came, with a key when it is known whose they are."""

from __future__ import annotations

import orjson
import pytest

from connectors.binance.actions import Fetch, Write
from connectors.binance.intake import read_answer
from tests.connectors.binance.driver import Driver, book, diff, envelope, trade


@pytest.mark.parametrize(
    ("frame", "symbol"),
    [
        (b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":5}}', "BTCUSDT"),
        (b'{ "data": {"t": 5, "E": 1}, "stream": "btcusdt@trade" }', "BTCUSDT"),
        (b'{"stream":"btcusdt@trade","data":{}}', "BTCUSDT"),  # what it lacks is the job's matter
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":"5"}}', "BTCUSDT"),
        (b'{"stream":"ethusdt@trade","data":{"E":1,"t":5}}', "ETHUSDT"),  # not wanted, or not any more
        (b'{"stream":"btcusd_perp@aggTrade","data":{"E":1,"a":5}}', "BTCUSD_PERP"),
        (b'{"stream":"btcusdt@kline_1m","data":{}}', None),
        (b'{"stream":"btcusdt@trade","data":[1]}', None),
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":5}', None),
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":5}}}', None),
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":5}}' + b" " * 600, "BTCUSDT"),
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":5,"x":"' + b"x" * 600 + b'"}}', "BTCUSDT"),
        (b'{"stream":"btcusdt@trade","data":{"E":1,"t":5,"x":"' + b"x" * 600, None),
        (b"x" * 600, None),
        (b'{"stream":5,"data":{}}', None),
        (b'{"stream":["!serverShutdown"],"e":[],"data":{}}', None),
        (b'{"e":"depthUpdate","E":1,"s":"BTCUSDT"}', None),
        (b"[1,2]", None),
        (b"null", None),
        (b"", None),
        (b"\xff\x00garbage", None),
        (b"<html>", None),
    ],
)
def test_every_frame_is_written_as_it_came(frame: bytes, symbol: str | None) -> None:
    driver = Driver(streams=("trade",))

    assert driver.frame(frame) == [Write(symbol, frame, [("recv_ns", b"%d" % driver.recv_ns())])]
    assert driver.core.status.frames_bad == (symbol is None)
    assert driver.core.status.frames == (symbol is not None)
    assert len(driver.up) == 1


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (b'{"result":null,"id":7}', (7, None)),
        (b'{"result":[],"id":7}', (7, None)),
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":7}', (7, "2 Invalid request")),
        (b'{"code":2,"msg":"Invalid request","id":7}', (7, "2 Invalid request")),
        (b'{"error":"odd","id":7}', (7, "odd")),
        (b'{"error":{"code":3,"msg":"Invalid JSON"},"id":null}', (0, "3 Invalid JSON")),
        (b'{"id":"7"}', (0, None)),
    ],
)
def test_answers_to_us_are_read_and_not_written(frame: bytes, answer: tuple[int, str | None]) -> None:
    driver = Driver(streams=("trade",))

    assert driver.frame(frame) == []
    assert driver.core.status.frames_bad == 0
    assert read_answer(orjson.loads(frame)) == answer


def test_repetitions_pass_and_are_counted() -> None:
    driver = Driver(streams=("trade",))
    for number in (5, 6, 6, 4, 7):
        assert len(driver.frame(trade("BTCUSDT", number, driver.event_ms()))) == 1

    assert driver.core.status.repeated == 2


def test_a_partial_book_that_did_not_change_is_no_repetition() -> None:
    driver = Driver("binance-spot", streams=("depth20@100ms",))
    for number in (5, 5, 4):
        driver.frame(envelope("btcusdt@depth20@100ms", {"lastUpdateId": number, "bids": [], "asks": []}))

    assert driver.core.status.repeated == 1


def test_a_difference_in_an_odd_spelling_is_followed_all_the_same() -> None:
    driver = Driver(streams=("depth@100ms",))
    driver.answer = lambda _: book(15)
    driver.frame(diff("BTCUSDT", (11, 20, 10), driver.event_ms()).replace(b":", b": "))
    driver.run(1.0)
    driver.frame(diff("BTCUSDT", (31, 40, 30), driver.event_ms()).replace(b":", b": "))
    driver.run(2.0)

    assert [fetch.purpose for fetch in driver.all(Fetch)][:2] == ["connect", "gap"]


def test_a_difference_without_its_ids_is_written_and_breaks_nothing() -> None:
    driver = Driver(streams=("depth@100ms",))
    frame = envelope("btcusdt@depth@100ms", {"E": 1, "U": 2, "u": 3, "b": [], "a": []})  # a futures one has pu

    assert [write.symbol for write in driver.frame(frame)] == ["BTCUSDT"]
    driver.run(2.0)
    assert driver.all(Fetch) == []


def test_each_symbol_knows_when_it_was_heard_last() -> None:
    driver = Driver(symbols=("BTCUSDT", "ETHUSDT"), streams=("trade",))
    driver.run(3.0)
    driver.frame(trade("ETHUSDT", 1, driver.event_ms()))
    driver.run(2.0)

    assert driver.core.status.last_frame_s == {"ETHUSDT": 3.0}
    assert driver.core.status.streams == 2
    assert driver.core.status.streams_up == 2
    assert driver.core.status.sockets_up == driver.core.status.sockets == 1
