"""The truth beside the messages is what a second reader finds in them."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal

import pytest

from simulator import Event
from tests.simulator.replay import STEADY, Receiver, data, diffs, instrument, kind, partials, run

ALL_VENUES = pytest.mark.parametrize("number", [0, 2, 4], ids=["spot", "usdm", "coinm"])


@ALL_VENUES
def test_a_book_from_snapshot_and_diffs_has_the_true_top(number: int) -> None:
    chosen = instrument(number, "diff", "snapshot", regimes=STEADY)
    receiver, compared = Receiver(chosen.venue), 0

    for event in run(chosen, seconds=20):
        if kind(event) == "snapshot":
            receiver.snapshot(data(event))
            continue
        receiver.diff(data(event))
        assert event.truth is not None
        if receiver.joined and receiver.covers(event.truth.bids, event.truth.asks):
            assert receiver.top() == (event.truth.bids, event.truth.asks)
            compared += 1

    assert compared > 150
    assert receiver.unknown_deletes > 50


@ALL_VENUES
def test_a_partial_depth_is_the_true_top(number: int) -> None:
    events = run(instrument(number, "depth20@100ms"))

    assert len(events) > 90
    for event in events:
        payload = data(event)
        assert event.truth is not None
        assert levels(payload.get("bids") or payload["b"]) == event.truth.bids
        assert levels(payload.get("asks") or payload["a"]) == event.truth.asks


@ALL_VENUES
def test_diff_and_partial_depth_of_one_id_have_one_truth(number: int) -> None:
    events = run(instrument(number, "diff", "depth20@100ms"))
    tops = {final(event): event.truth and event.truth[:2] for event in partials(events)}
    shared = [event for event in diffs(events) if final(event) in tops]

    for event in shared:
        assert event.truth is not None
        assert event.truth[:2] == tops[final(event)]


@ALL_VENUES
def test_the_last_ticker_up_to_an_id_is_the_best_of_the_book_at_that_id(number: int) -> None:
    events = run(instrument(number, "diff", "depth20@100ms", "bookTicker"))
    tickers = {data(event)["u"]: data(event) for event in events if kind(event) == "bookTicker"}
    ids = sorted(tickers)
    compared = 0

    for event in [*diffs(events), *partials(events)]:
        before = bisect_right(ids, final(event))
        assert event.truth is not None
        if before:
            ticker = tickers[ids[before - 1]]
            assert (ticker["b"], ticker["B"]) == event.truth.bids[0]
            assert (ticker["a"], ticker["A"]) == event.truth.asks[0]
            compared += 1

    assert compared > 180


@ALL_VENUES
@pytest.mark.parametrize("stream", ["trade", "aggTrade"])
def test_the_true_volumes_are_the_sums_of_the_trades_before(number: int, stream: str) -> None:
    bought = sold = Decimal(0)

    for event in run(instrument(number, "diff", stream), seconds=20):
        if event.truth is not None:
            assert (Decimal(event.truth.taker_buy_volume), Decimal(event.truth.taker_sell_volume)) == (bought, sold)
            continue
        trade = data(event)
        if trade["m"]:
            sold += Decimal(trade["q"])
        else:
            bought += Decimal(trade["q"])

    assert bought > 0 < sold


@ALL_VENUES
def test_aggregates_and_trades_add_up_to_the_same(number: int) -> None:
    events = run(instrument(number, "trade", "aggTrade"), seconds=20)
    trades = {data(event)["t"]: data(event) for event in events if kind(event) == "trade"}
    aggregates = [data(event) for event in events if kind(event) == "aggTrade"]

    for aggregate in aggregates:
        parts = [trades[i] for i in range(aggregate["f"], aggregate["l"] + 1)]
        assert sum(Decimal(part["q"]) for part in parts) == Decimal(aggregate["q"])
        assert {(part["p"], part["m"], part["T"]) for part in parts} == {
            (aggregate["p"], aggregate["m"], aggregate["T"])
        }
    assert len(aggregates) < len(trades)


@ALL_VENUES
def test_the_true_book_is_never_crossed_nor_thin(number: int) -> None:
    for event in diffs(run(instrument(number))):
        assert event.truth is not None
        bids, asks = [Decimal(p) for p, _ in event.truth.bids], [Decimal(p) for p, _ in event.truth.asks]
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids[0] < asks[0]
        assert len(bids) == len(asks) == 20


def levels(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in rows)


def final(event: Event) -> int:
    payload = data(event)
    found: int = payload["u"] if "u" in payload else payload["lastUpdateId"]
    return found
