"""The judge finds what is wrong: it has to, or all that it finds well says nothing."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest

from tests.kafka_reading import Read
from tests.live.judge import (
    Episode,
    Judgement,
    Row,
    _compare,
    _frames,
    _judge_episode,
    episodes,
    hasty,
    short_of_weight,
)

S = 1_000_000_000
BEST = {"best_bid": 1.0, "best_bid_quantity": 2.0, "best_ask": 3.0, "best_ask_quantity": 4.0}


def row(state: str, at_s: float, **more: Any) -> Row:
    return {"symbol": "A", "state": state, "receive_time_ns": round(at_s * S), "update_id": 1, **BEST, **more}


def fault(kind: str, at_s: float, symbol: str = "A", seconds: float = 0.0, sockets: tuple[int, ...] = ()) -> Row:
    return {"kind": kind, "time_ns": round(at_s * S), "symbols": [symbol], "seconds": seconds, "sockets": [*sockets]}


def judged(episode: Episode, *faults: Row) -> Judgement:
    found = Judgement()
    _judge_episode(found, episode, faults)
    return found


def test_an_episode_runs_from_a_live_book_to_the_next() -> None:
    states = ["resyncing", "live", "resyncing", "resyncing", "thin", "live", "resyncing"]
    rows = [row(state, at_s) for at_s, state in enumerate(states)]

    assert episodes("A", rows, [0, 3 * S, 9 * S]) == [Episode("A", 2 * S, 4 * S, 1), Episode("A", 6 * S, None, 0)]


@pytest.mark.parametrize(("truth", "wrong"), [((1.0, 2.0, 3.0, 4.0), 0), ((1.0, 2.0, 3.0, 4.5), 1), (None, 1)])
def test_a_live_record_is_right_or_wrong_by_the_truth(truth: tuple[float, ...] | None, wrong: int) -> None:
    found = Judgement()
    _compare(found, [row("live", 0), row("resyncing", 1)], {} if truth is None else {("A", 1): truth})

    assert (found.compared, len(found.wrong), found.is_well) == (1, wrong, not wrong)


def test_a_break_needs_a_fault_that_touched_the_symbol_just_before() -> None:
    episode = Episode("A", 10 * S, 11 * S, 1)

    assert judged(episode, fault("gap", 9.5)).is_well
    assert judged(episode).unexplained == [episode]
    assert judged(episode, fault("gap", 9.5, "B")).unexplained == [episode]
    assert judged(episode, fault("gap", 5.0)).unexplained == [episode]
    assert judged(episode, fault("gap", 10.5)).unexplained == [episode]
    assert judged(episode, fault("duplicate", 9.5)).unexplained == [episode]


def test_it_heals_in_time_and_by_one_snapshot_unless_something_stands_in_the_way() -> None:
    gap = fault("gap", 9.5)

    assert judged(Episode("A", 10 * S, 12 * S, 1), gap).is_well
    assert judged(Episode("A", 10 * S, 12 * S + 1, 1), gap).slow
    assert judged(Episode("A", 10 * S, 11 * S, 2), gap).slow
    assert judged(Episode("A", 10 * S, None, 1), gap).slow
    assert judged(Episode("A", 10 * S, 15 * S, 1), gap, fault("ban", 9.9, "B", 3.0)).is_well
    assert judged(Episode("A", 10 * S, 12 * S, 2), fault("stale_snapshot", 9.9)).is_well
    assert judged(Episode("A", 10 * S, 15 * S, 2), fault("stale_snapshot", 9.9)).slow


def test_two_requests_of_a_symbol_within_a_second_are_hasty() -> None:
    asked = [
        {"symbol": symbol, "time_ns": round(at * S)} for symbol, at in (("A", 5), ("B", 5.5), ("A", 6), ("A", 6.9))
    ]

    assert [line[:1] for line in hasty(asked)] == ["A"]


def test_a_frame_may_be_lost_only_on_its_way_to_a_cut() -> None:
    def message(value: bytes) -> Read:
        return Read(0, 0, None, value, [], 0)

    def frame(value: bytes, at_s: float, socket: int, stream: str = "a@trade") -> Row:
        return {
            "length": len(value),
            "crc32": crc32(value),
            "sent_ns": round(at_s * S),
            "socket": socket,
            "stream": stream,
        }

    sent = [frame(b"x", 1, 1), frame(b"y", 2, 1), frame(b"z", 9, 1), frame(b"!", 3, 2, "!serverShutdown")]
    cut = fault("cut", 10, sockets=(1,))

    assert _frames([message(b"x"), message(b"y"), message(b'{"stream":"a@snapshot"}')], sent, [cut]) == ([], [])
    lost, unknown = _frames([message(b"x"), message(b"z"), message(b"w")], sent, [cut])
    assert (lost, unknown) == ([sent[1]], [b"w"])
    assert _frames([message(b"x"), message(b"y")], sent, [])[0] == [sent[2]]


def test_a_book_may_wait_for_the_weight_of_the_next_minute() -> None:
    asked = [{"time_ns": at * S, "weight": 250, "weight_used": 0} for at in range(100, 100 + 19)]
    episode = Episode("A", 120 * S, 165 * S, 1)

    assert short_of_weight(episode, asked, 6000)
    assert not short_of_weight(episode, asked[:18], 6000)
    assert short_of_weight(episode, [{**asked[0], "weight_used": 4750}], 6000)
    assert not short_of_weight(episode._replace(begin_ns=163 * S), asked, 6000)
    found = Judgement()
    _judge_episode(found, episode, [fault("gap", 119.5)], is_short=True)
    assert found.is_well
    assert found.short == [episode]
