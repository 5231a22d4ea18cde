"""Trades: which count, with which sign, and which are ignored under which name."""

from __future__ import annotations

import pytest

from orderbook import MeasureConfig
from tests.orderbook.feeds import Run, Told, book, trade


def delta(run: Run) -> float | None:
    """The trade delta as the next record tells it."""
    found: float | None = run.one(book([(99.0, 1.0)], [(101.0, 1.0)]))["trade_delta"]
    return found


def test_before_any_trade_there_is_no_delta() -> None:
    assert delta(Run()) is None


def test_no_trade_is_a_record_and_each_is_counted() -> None:
    run = Run()

    assert run.feed(trade(1, 1.0), trade(2, -1.0)) == []
    assert run.ignored == {"trade": 2}


def test_the_window_holds_the_last_trades() -> None:
    run = Run(MeasureConfig(delta_volume_window=2))
    run.feed(trade(1, 10.0), trade(2, 1.0), trade(3, -3.0))

    assert delta(run) == -2.0


@pytest.mark.parametrize("first_is_aggregate", [False, True])
def test_the_kind_that_came_first_counts_and_the_other_is_ignored(first_is_aggregate: bool) -> None:
    run = Run()
    run.feed(
        trade(10, 1.0, aggregate=first_is_aggregate),
        trade(1, 5.0, aggregate=not first_is_aggregate),
        trade(11, 2.0, aggregate=first_is_aggregate),
    )

    assert delta(run) == 3.0
    assert (run.ignored, run.notices) == ({"trade": 3}, {"trade_other_kind": 1})


def test_a_trade_that_no_order_caused_is_no_aggression() -> None:
    run = Run()
    run.feed(trade(1, 5.0, market=False))
    assert delta(run) is None

    run.feed(trade(2, 1.0))
    assert delta(run) == 1.0
    assert (run.ignored, run.notices) == ({"trade": 2}, {"trade_not_market": 1})


@pytest.mark.parametrize("again", [1, 2])
def test_an_id_that_was_seen_or_goes_back_is_stale(again: int) -> None:
    run = Run()
    run.feed(trade(2, 1.0), trade(again, 1.0, ms=60_001))

    assert delta(run) == 1.0
    assert run.ignored == {"trade": 1, "stale": 1}


def test_an_id_that_goes_back_after_more_than_a_minute_is_the_venues_restart() -> None:
    run = Run()
    run.feed(trade(2, 1.0), trade(1, 1.0, ms=60_002), trade(1, 1.0, ms=60_003))

    assert delta(run) == 2.0
    assert (run.ignored, run.notices) == ({"trade": 2, "stale": 1}, {"id_reset": 1})


def test_buying_and_selling_that_cancel_out_are_zero_not_unknown() -> None:
    run = Run()
    run.feed(trade(1, 1.5), trade(2, -1.5))

    assert delta(run) == 0.0


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_quantities_that_decoding_lets_through_can_be_added_up(sign: int) -> None:
    run = Run()
    told: list[Told] = [trade(number, sign * 1e290) for number in range(100)]
    run.feed(*told)

    assert delta(run) == sign * 1e292
