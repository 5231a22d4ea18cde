"""The grid of a heatmap against a slow, obvious one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.heatmap.grid import HOLD_MS, Grid, large_orders, paint, trades
from consumers.heatmap.timeline import Prints, Seen, Timeline

Levels = list[tuple[float, float]]
Books = dict[int, tuple[Levels, Levels]]


def timeline_of(books: Books, step_ms: int = 100) -> Timeline:
    """One book at each time; offset = its number."""
    timeline = Timeline(step_ms=step_ms, most=1000, rolling=True)
    for offset, (clock_ms, sides) in enumerate(books.items()):
        block = np.zeros((1, 2, max(1, *map(len, sides)), 2))
        for side, levels in enumerate(sides):
            if levels:
                block[0, side, : len(levels)] = levels
        timeline.take([Seen(clock_ms, offset, True, 0)], block)
    return timeline


def grid_of(books: Books, begin_ms: int, end_ms: int, most_rows: int = 100) -> Grid:
    grid = paint(timeline_of(books), begin_ms=begin_ms, end_ms=end_ms, most_rows=most_rows, most_columns=1000)
    assert grid is not None
    return grid


SIMPLE: Books = {
    1000: ([(99.5, 1.0), (99.0, 2.0)], [(100.0, 3.0), (101.0, 4.0)]),
    1100: ([(99.5, 5.0), (99.0, 2.0)], [(100.0, 3.0), (101.0, 4.0)]),
}


def test_levels_lie_in_the_rows_of_their_prices() -> None:
    grid = grid_of(SIMPLE, 1000, 1200)

    assert (grid.low, grid.high, grid.row_height, grid.tick) == (98.75, 101.25, 0.5, 0.5)
    np.testing.assert_array_equal(grid.quantity, [[2, 2], [1, 5], [3, 3], [0, 0], [4, 4]])
    assert grid.best_bid.tolist() == [99.5, 99.5]
    assert grid.best_ask.tolist() == [100.0, 100.0]
    assert (grid.begin_ms, grid.step_ms, grid.end_ms, grid.offsets.tolist()) == (1000, 100, 1200, [0, 1])


def test_a_book_holds_until_the_next_message_but_not_for_ever() -> None:
    grid = grid_of(SIMPLE, 1000, 1100 + 2 * HOLD_MS)

    known = np.array(np.isfinite(grid.quantity).any(axis=0))
    assert known.sum() == 2 + HOLD_MS // 100
    assert known[: 2 + HOLD_MS // 100].all()
    assert (grid.offsets >= 0).tolist() == known.tolist()


def test_beyond_the_last_level_nothing_is_known() -> None:
    books: Books = {0: ([(10.0, 1.0)], [(11.0, 1.0)]), 100: ([(9.0, 1.0)], [(12.0, 1.0), (15.0, 1.0)])}
    grid = paint(timeline_of(books), begin_ms=0, end_ms=200, most_rows=100, most_columns=10)
    assert grid is not None

    assert np.isnan(grid.quantity[0, 0])  # 9: below the only bid of the first column
    assert grid.quantity[0, 1] == 1.0


def test_nothing_rests_on_an_empty_side_of_a_known_book() -> None:
    grid = grid_of({0: ([(10.0, 1.0), (9.0, 1.0)], []), 100: ([(10.0, 1.0)], [(12.0, 1.0)])}, 0, 200)

    assert np.nan_to_num(grid.quantity[:, 0], nan=-1.0).tolist()[-1] == 0.0
    assert np.isnan(grid.best_ask[0])


def test_no_known_level_is_no_grid() -> None:
    timeline = Timeline(step_ms=100, most=10, rolling=True)
    assert paint(timeline, begin_ms=0, end_ms=100, most_rows=10, most_columns=10) is None

    timeline.take([Seen(0, 0, False, 0)], np.ones((1, 2, 1, 2)))
    assert paint(timeline, begin_ms=0, end_ms=100, most_rows=10, most_columns=10) is None


def test_many_intervals_share_columns_and_the_last_book_is_shown() -> None:
    books: Books = {100 * at: ([(10.0, float(at + 1))], [(11.0, 1.0)]) for at in range(10)}
    grid = paint(timeline_of(books), begin_ms=0, end_ms=1000, most_rows=10, most_columns=4)
    assert grid is not None

    assert (grid.step_ms, grid.offsets.tolist()) == (300, [2, 5, 8, 9])
    assert grid.quantity[0].tolist() == [3.0, 6.0, 9.0, 10.0]


def test_an_order_that_becomes_large_is_marked_once() -> None:
    wall: Levels = [(9.0, 50.0)]
    books: Books = {
        0: ([(10.0, 5.0), (9.0, 5.0)], [(11.0, 5.0)]),
        100: ([(10.0, 5.0), *wall], [(11.0, 5.0)]),
        200: ([(10.0, 5.0), *wall], [(11.0, 5.0)]),
        300: ([(10.0, 5.0), (9.0, 5.0)], [(11.0, 5.0)]),
        400: ([(10.0, 5.0), *wall], [(11.0, 5.0)]),
    }
    timeline = timeline_of(books)
    grid = grid_of(books, 0, 500)
    marks = large_orders(timeline, grid, 0.5, 20)

    assert marks.times_ms.tolist() == [100.0, 400.0]
    assert marks.prices.tolist() == [9.0, 9.0]
    assert marks.quantities.tolist() == [50.0, 50.0]
    assert large_orders(timeline, grid, 0.5, 1).times_ms.tolist() == []


def test_trades_are_points_at_their_average_price() -> None:
    bought, sold = trades([Prints(1000, 4.0, 42.0, 0.0, 0.0), Prints(1100, 0.0, 0.0, 2.0, 18.0)], 100)

    assert [values.tolist() for values in bought] == [[1050.0], [10.5], [4.0]]
    assert [values.tolist() for values in sold] == [[1150.0], [9.0], [2.0]]
    assert [len(values) for values in trades([], 100)[0]] == [0, 0, 0]


def test_colours_differ_between_the_usual_extremes() -> None:
    low, high = grid_of(SIMPLE, 1000, 1200).colour_range()
    assert 1.0 <= low < high <= 5.0

    alone = grid_of({0: ([(10.0, 2.0)], [(11.0, 2.0)])}, 0, 100)
    assert alone.colour_range() == (1.0, 2.0)


quantity = st.integers(1, 9).map(float)


@st.composite
def books(draw: st.DrawFn) -> Books:
    """Books around a price that moves, in ticks of 0.01 as exchanges tell them."""
    found: Books = {}
    for clock_ms in draw(st.lists(st.integers(0, 3000), min_size=1, max_size=12, unique=True).map(sorted)):
        mid = draw(st.integers(6_000_000, 6_000_100))
        bids = draw(st.lists(st.integers(1, 40), max_size=8, unique=True).map(sorted))
        asks = draw(st.lists(st.integers(1, 40), max_size=8, unique=True).map(sorted))
        found[clock_ms] = (
            [(float(f"{(mid - at) / 100:.2f}"), draw(quantity)) for at in bids],
            [(float(f"{(mid + at) / 100:.2f}"), draw(quantity)) for at in asks],
        )
    return found


@given(books(), st.sampled_from([7, 50, 1000]))
def test_each_cell_is_the_sum_of_the_levels_in_it(told: Books, most_rows: int) -> None:
    timeline = timeline_of(told)
    grid = paint(timeline, begin_ms=0, end_ms=3100, most_rows=most_rows, most_columns=1000)
    last = {clock_ms // 100: sides for clock_ms, sides in told.items()}
    if grid is None:
        assert not any(side for sides in last.values() for side in sides)
        return
    for column, sides in last.items():
        expected: dict[int, float] = {}
        for price, resting in (level for side in sides for level in side):
            row = int((round(price * 100) - round((grid.low + grid.tick / 2) * 100)) // round(grid.row_height * 100))
            expected[row] = expected.get(row, 0.0) + resting
        shown = {row: value for row, value in enumerate(grid.quantity[:, column].tolist()) if value > 0.0}
        rows = len(grid.quantity)
        assert shown == {row: value for row, value in expected.items() if 0 <= row < rows}
        for best, side in ((grid.best_bid[column], sides[0]), (grid.best_ask[column], sides[1])):
            assert best == side[0][0] if side else np.isnan(best)
    assert len(grid.quantity) <= most_rows + 2
    assert grid.row_height == pytest.approx(round(grid.row_height / grid.tick) * grid.tick)
