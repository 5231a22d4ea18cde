"""Partial depth: which ids are taken, and what a message is recorded as."""

from __future__ import annotations

import pytest

from orderbook.record import STATES
from tests.orderbook.feeds import Book, Run, book, snapshot, spot

BIDS, ASKS = [(99.0, 1.0)], [(101.0, 2.0)]


def at(update_id: int | None, ms: int = 1) -> Book:
    return book(BIDS, ASKS, update_id, ms)


def test_an_id_that_repeats_is_a_record() -> None:
    assert Run().states(at(5), at(5), at(6)) == ["live"] * 3


def test_an_id_that_goes_back_is_stale() -> None:
    run = Run()

    assert run.states(at(5), at(4), at(5, 60_001), at(4, 120_001)) == ["live", "stale", "live", "stale"]
    assert run.notices == {}


def test_an_id_that_goes_back_after_more_than_a_minute_is_the_venues_restart() -> None:
    run = Run()

    assert run.states(at(5), at(4, 60_002), at(3, 60_003)) == ["live", "live", "stale"]
    assert run.notices == {"id_reset": 1}


def test_without_an_event_time_the_time_of_receipt_tells_a_restart() -> None:
    run = Run()
    first, second = (
        item._replace(event=item.event._replace(event_time_ms=None, receive_time_ns=ns))
        for item, ns in ((at(5), 1_000_000), (at(4), 60_002_000_000))
    )

    assert run.states(first, second) == ["live", "live"]


def test_messages_without_ids_are_all_records() -> None:
    assert Run().states(at(None), at(5), at(None), at(4)) == ["live", "live", "live", "stale"]


def test_a_stale_message_is_no_predecessor() -> None:
    run = Run()
    run.feed(at(5), book([(150.0, 1.0)], [(151.0, 1.0)], 4))

    assert run.one(at(6))["delta_events"] == 0


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        (BIDS, ASKS, "live"),
        (BIDS, [], "one_sided"),
        ([], ASKS, "one_sided"),
        ([], [], "empty"),
        ([(101.0, 1.0)], ASKS, "crossed"),
        ([(102.0, 1.0)], ASKS, "crossed"),
    ],
)
def test_the_state_is_told_by_the_best_prices(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], state: str
) -> None:
    assert state in STATES
    assert Run().one(book(bids, asks))["state"] == state


def test_partial_depth_and_differences_of_one_instrument_do_not_disturb_each_other() -> None:
    run = Run()
    run.feed(snapshot(100, BIDS, ASKS), spot(101, 101), at(500))
    swept = run.one(spot(102, 102, [(101.0, 1.0)], [(101.0, 0.0), (102.0, 1.0)]))
    whole = run.one(at(499, 60_002))

    assert (swept["delta_volume"], swept["delta_events"]) == (2.0, 1)
    assert (whole["delta_volume"], whole["delta_events"], whole["seq"]) == (0.0, 0, 4)


def test_a_batch_of_both_kinds_keeps_their_order_and_their_levels() -> None:
    records = Run().feed(
        snapshot(100, BIDS, ASKS), at(1), spot(101, 101, [(98.0, 9.0)]), book([(98.0, 3.0)], []), spot(102, 102)
    )

    assert [record["bid_volume"] for record in records] == [1.0, 10.0, 3.0, 10.0]
    assert [record["seq"] for record in records] == [1, 2, 3, 4]


def test_a_stale_message_between_others_of_both_kinds_takes_its_levels_with_it() -> None:
    run = Run()
    stale = book([(98.0, 50.0)], [], 1)
    records = run.feed(
        snapshot(100, BIDS, ASKS), at(2), stale, spot(101, 101, [(98.0, 9.0)]), book([(98.0, 3.0)], [], 3)
    )

    assert [record["bid_volume"] for record in records] == [1.0, 10.0, 3.0]
    assert run.ignored == {"snapshot": 1, "stale": 1}
