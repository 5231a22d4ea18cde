"""Sampling a book over time: the last of each interval, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.heatmap.timeline import RESTART_MS, Column, Prints, Seen, Timeline, Traded


def levels(*bests: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Books of one bid at each price and one ask above it; the second level of each side is absent."""
    return np.array([[[[best, 1.0], [0.0, 0.0]], [[best + 1, 2.0], [0.0, 0.0]]] for best in bests])


def seen(timeline: Timeline) -> list[tuple[int, int, float | None]]:
    return [(column.start_ms, column.offset, column.best_bid) for column in timeline.columns()]


def test_a_column_is_the_book_at_the_end_of_its_interval() -> None:
    timeline = Timeline(step_ms=100, most=10, rolling=True)
    books = [Seen(clock, offset, True, offset) for offset, clock in enumerate((1000, 1050, 1099, 1100, 1420))]
    timeline.take(books, levels(1, 2, 3, 4, 5))

    assert seen(timeline) == [(1000, 2, 3.0), (1100, 3, 4.0), (1400, 4, 5.0)]
    assert [column.asks.tolist() for column in timeline.columns(1400)] == [[[6.0, 2.0]]]


def test_a_book_that_cannot_be_trusted_is_a_column_without_levels() -> None:
    timeline = Timeline(step_ms=100, most=10, rolling=True)
    timeline.take([Seen(1000, 7, False, 0)], levels(1))

    (column,) = timeline.columns()
    assert (column.known, column.best_bid, column.best_ask, column.offset) == (False, None, None, 7)


def test_a_late_message_belongs_to_the_newest_interval_and_a_clock_that_starts_again_begins_anew() -> None:
    timeline = Timeline(step_ms=100, most=10, rolling=True)
    timeline.take([Seen(100_000, 1, True, 0), Seen(99_000, 2, True, 1)], levels(1, 2))

    assert seen(timeline) == [(100_000, 2, 2.0)]

    timeline.take([Seen(100_000 - RESTART_MS - 1, 3, True, 0)], levels(3))

    assert [column.offset for column in timeline.columns()] == [3]


def test_a_rolling_timeline_forgets_the_oldest() -> None:
    timeline = Timeline(step_ms=10, most=3, rolling=True)
    for clock in range(0, 100, 10):
        timeline.take([Traded(clock, 1.0, 1.0), Seen(clock, clock, True, 0)], levels(1))

    assert [column.start_ms for column in timeline.columns()] == [70, 80, 90]
    assert [prints.start_ms for prints in timeline.prints()] == [70, 80, 90]


def test_trades_are_summed_by_the_side_that_took() -> None:
    timeline = Timeline(step_ms=100, most=10, rolling=True)
    timeline.take(
        [Traded(0, 10.0, 2.0), Traded(50, 11.0, -1.0), Traded(99, 12.0, 3.0), Traded(100, 9.0, -4.0)], levels()
    )

    assert timeline.prints() == [Prints(0, 5.0, 56.0, 1.0, 11.0), Prints(100, 0.0, 0.0, 4.0, 36.0)]


def test_only_what_lies_between_is_taken() -> None:
    timeline = Timeline(step_ms=10, most=10, rolling=False)
    timeline.begin_ms, timeline.end_ms = 20, 40
    timeline.take([Seen(clock, clock, True, 0) for clock in range(0, 60, 10)], levels(1))

    assert [column.start_ms for column in timeline.columns()] == [20, 30, 40]


@pytest.mark.parametrize(("step_ms", "most"), [(0, 10), (10, 1)])
def test_a_timeline_needs_an_interval_and_room(step_ms: int, most: int) -> None:
    with pytest.raises(ValueError, match="expected step_ms of at least 1 and most of at least 2"):
        Timeline(step_ms=step_ms, most=most, rolling=True)


items = st.lists(
    st.one_of(
        st.builds(Seen, st.integers(0, 2 * RESTART_MS), st.integers(0, 10**6), st.booleans(), st.integers(0, 3)),
        st.builds(Traded, st.integers(0, 2 * RESTART_MS), st.sampled_from([1.0, 2.0]), st.sampled_from([-1.0, 4.0])),
    ),
    max_size=40,
)


def told(timeline: Timeline) -> tuple[object, ...]:
    columns = [(c.start_ms, c.offset, c.bids.tolist(), c.asks.tolist(), c.known) for c in timeline.columns()]
    return timeline.step_ms, timeline.newest_ms, columns, timeline.prints()


@given(items, st.integers(1, 20), st.booleans())
def test_no_batch_shows(stream: list[Seen | Traded], size: int, rolling: bool) -> None:
    at_once, in_pieces = (Timeline(step_ms=7, most=5, rolling=rolling) for _ in range(2))
    block = levels(1, 2, 3, 4)
    at_once.take(stream, block)
    for begin in range(0, len(stream), size):
        in_pieces.take(stream[begin : begin + size], block)

    assert told(in_pieces) == told(at_once)


@given(items)
def test_a_timeline_of_everything_stays_bounded_and_keeps_the_last_book_and_all_trades(
    stream: list[Seen | Traded],
) -> None:
    rising = [item._replace(clock_ms=clock) for clock, item in zip(range(0, 10_000, 137), stream, strict=False)]
    timeline = Timeline(step_ms=1, most=8, rolling=False)
    timeline.take(rising, levels(1, 2, 3, 4))

    books = [item for item in rising if isinstance(item, Seen)]
    expected: dict[int, Seen] = {}
    for book in books:
        expected[book.clock_ms // timeline.step_ms] = book
    columns: list[Column] = timeline.columns()
    assert len(columns) <= 8
    assert [(column.start_ms, column.offset) for column in columns] == [
        (interval * timeline.step_ms, book.offset) for interval, book in expected.items()
    ]
    taken = [item.quantity for item in rising if isinstance(item, Traded)]
    assert sum(p.bought - p.sold for p in timeline.prints()) == sum(taken)
