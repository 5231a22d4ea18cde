"""The clock of a kind of book: it stands still where time goes back, and does not believe in the far future."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.events import Side
from tests.orderbook.feeds import Run, book, snapshot, spot, trade

BIDS, ASKS = [(99.0, 1.0)], [(101.0, 2.0)]
MORE: list[tuple[float, float]] = [(99.0, 4.0)]


def decayed(*told: tuple[list[tuple[float, float]], int]) -> list[Any]:
    """The slow sum after bids at times."""
    run = Run()
    return [record["ofi_ew_2s"] for record in run.feed(*(book(bids, ASKS, ms=ms) for bids, ms in told))]


def test_a_time_that_goes_back_decays_nothing_and_neither_does_the_way_forth() -> None:
    assert decayed((BIDS, 70_000), (MORE, 70_000), (MORE, 69_000), (MORE, 70_000)) == [0.0, 3.0, 3.0, 3.0]


def test_a_clock_that_was_wrong_is_set_anew_when_it_goes_back_by_more_than_a_minute() -> None:
    run = Run()
    times = (10_000_000, 9_940_000, 9_939_999, 9_941_999)
    *_, at_once, later = run.feed(*(book(bids, ASKS, ms=ms) for bids, ms in zip((BIDS, MORE, MORE, MORE), times)))  # noqa: B905

    assert at_once["ofi_ew_2s"] == 3.0
    assert later["ofi_ew_2s"] == pytest.approx(3.0 / 2.718281828459045)
    assert run.notices == {"clock_reset": 1}


def test_crossed_books_move_the_clock_but_not_the_sums() -> None:
    run = Run()
    crossed = book([(102.0, 1.0)], ASKS, ms=2_000)
    records = run.feed(book(BIDS, ASKS, ms=0), book(MORE, ASKS, ms=0), crossed, book(MORE, ASKS, ms=1_000))

    assert [record["ofi_l1"] for record in records] == [None, 3.0, None, 0.0]
    assert [record["ofi_ew_2s"] for record in records] == [0.0, 3.0, None, pytest.approx(3.0 / 2.718281828459045)]


def test_a_resync_forgets_the_predecessor_and_keeps_the_sums() -> None:
    run = Run()
    run.feed(snapshot(10, BIDS, ASKS), spot(11, 11), spot(12, 12, MORE))
    records = run.feed(spot(14, 14), snapshot(14, BIDS, ASKS), spot(15, 15), spot(16, 16, MORE))

    assert [record["state"] for record in records] == ["resyncing", "live", "live"]
    assert [record["ofi_l1"] for record in records] == [None, None, 3.0]
    assert [record["ofi_ew_2s"] for record in records] == [None, 3.0, 6.0]


def test_a_clock_that_was_wrong_takes_its_seconds_with_it() -> None:
    run = Run()
    risen: Side = [(101.0, 1.0)]
    run.feed(book(BIDS, ASKS, ms=10_000_000), book(risen, [(102.0, 1.0)], ms=10_000_000), trade(1, 1.0, ms=10_000_000))
    [record] = run.feed(trade(2, 2.0, ms=9_000_000), book(risen, [(102.0, 1.0)], ms=9_000_400))

    assert (record["delta_volume"], record["delta_volume_1s"], record["delta_window_ms"]) == (2.0, 0.0, 0)
    assert (record["trade_delta"], record["trade_delta_1s"], record["trade_count_1s"]) == (3.0, 2.0, 1)
    assert run.notices == {"clock_reset": 2}
