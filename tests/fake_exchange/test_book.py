"""The judge's books: against the simulator's own truth, and what they do with snapshots, restarts and partial depth."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from fake_exchange.book import Judge
from fake_exchange.messages import RESTART, SNAPSHOT, Message, opened
from simulator import simulate
from simulator.presets import instruments_of

WHOLE = 1_000_000


def depth(
    first: int, last: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], stream: str = "depth"
) -> Message:
    return Message(0, "X", stream, orjson.dumps({"U": first, "u": last, "b": bids, "a": asks}), b"")


def snapshot(last: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Message:
    return Message(0, "X", SNAPSHOT, orjson.dumps({"lastUpdateId": last, "bids": bids, "asks": asks}), b"")


@pytest.mark.parametrize("venue", ["binance-spot", "binance-usdm", "binance-coinm"])
def test_the_best_of_the_book_is_the_markets_own_after_every_depth_message(venue: str) -> None:
    streams = ("depth@100ms", "depth20@100ms", "trade", SNAPSHOT)
    instruments = [replace(one, streams=streams, snapshot_levels=WHOLE) for one in instruments_of(venue, 2)]
    judge, told = Judge(venue), 0
    for event in simulate(instruments, seconds=8, seed=3):
        name, data = opened(event.payload) or ("", b"")
        message = Message(event.recv_ns, event.symbol, name.partition("@")[2], data, event.payload)
        judge.see(message)
        truth = judge.truth(message)
        if truth is not None:
            assert event.truth is not None
            assert (truth.bid, truth.ask) == (event.truth.bids[0], event.truth.asks[0])
            assert truth.update_id == message.id
            told += 1

    assert told > 250
    for one in instruments:
        body = orjson.loads(judge.body(one.symbol, 20))
        assert body["bids"] == sorted(body["bids"], key=lambda level: -float(level[0]))
        assert body["asks"] == sorted(body["asks"], key=lambda level: float(level[0]))


def test_differences_before_the_snapshot_are_added_if_they_are_newer() -> None:
    judge = Judge("binance-spot")
    judge.see(depth(1, 5, [("9", "1")], []))
    judge.see(depth(6, 8, [("10", "2")], [("11", "0")]))
    knew = judge.knows("X")
    judge.see(snapshot(5, [("9", "7")], [("11", "3"), ("12", "4")]))

    assert not knew
    assert judge.knows("X")
    assert orjson.loads(judge.body("X", 5)) == {
        "lastUpdateId": 8,
        "bids": [["10", "2"], ["9", "7"]],
        "asks": [["12", "4"]],
    }


def test_a_later_snapshot_changes_nothing_and_a_restart_forgets() -> None:
    judge = Judge("binance-spot")
    judge.see(snapshot(5, [("9", "7")], [("11", "3")]))
    judge.see(snapshot(4, [("1", "1")], [("2", "1")]))
    body = orjson.loads(judge.body("X", 5))
    judge.see(Message(0, "X", RESTART, b"", b""))

    assert body["lastUpdateId"] == 5
    assert not judge.knows("X")


def test_without_differences_the_book_is_the_latest_partial_depth() -> None:
    judge = Judge("binance-spot")
    for last in (3, 4):
        judge.see(depth(1, last, [("9", str(last))], [("11", "3")], stream="depth20@100ms"))

    assert judge.knows("X")
    assert orjson.loads(judge.body("X", 5)) == {"lastUpdateId": 4, "bids": [["9", "4"]], "asks": [["11", "3"]]}


def test_a_partial_depth_is_no_beginning_for_differences() -> None:
    judge = Judge("binance-spot")
    judge.see(depth(1, 3, [("9", "1")], [("11", "3")], stream="depth20"))
    judge.see(depth(4, 5, [("8", "1")], []))

    assert not judge.knows("X")
