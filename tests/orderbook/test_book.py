"""A full book against a plain dict, change by change."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.book import Book, BookSide
from orderbook.codec import Reader, new_writer
from orderbook.events import Side

prices = st.sampled_from([99.7, 99.8, 99.9, 100.0, 100.1, 100.2, 1e-8, 200.0])
quantities = st.sampled_from([0.0, 0.0, 0.1, 1.0, 7.5])
changes = st.lists(st.tuples(prices, quantities), max_size=6)
histories = st.lists(changes, max_size=12)


def plain(history: list[Side]) -> dict[float, float]:
    """The levels after all changes."""
    levels: dict[float, float] = {}
    for some in history:
        levels.update(some)
    return {price: quantity for price, quantity in levels.items() if quantity}


def flat(levels: dict[float, float], sign: int, count: int) -> list[float]:
    best_first = sorted(levels, key=lambda price: -price * sign)[:count]
    return [number for price in best_first for number in (price, levels[price])]


@settings(max_examples=60)
@given(histories, st.sampled_from([1, -1]), st.integers(1, 9))
def test_a_side_equals_a_dict(history: list[Side], sign: int, count: int) -> None:
    side = BookSide(sign)
    for number, some in enumerate(history, 1):
        side.apply(some)
        levels = plain(history[:number])

        assert side.top(count) == flat(levels, sign, count)
        assert side.best == next(iter(flat(levels, sign, 1)), None)
        assert len(side) == len(levels)


@settings(max_examples=60)
@given(histories, histories, st.sampled_from([1, -1]), prices)
def test_a_mark_remembers_what_is_gone(before: list[Side], after: list[Side], sign: int, limit: float) -> None:
    side = BookSide(sign)
    for some in before:
        side.apply(some)
    side.mark()
    for some in after:
        side.apply(some)
    side.apply([(price, 0.0) for price in plain(before) if price * sign >= limit * sign])

    gone = {price: quantity for price, quantity in plain(before).items() if price * sign >= limit * sign}
    total = 0.0
    for quantity in flat(gone, sign, 99)[1::2]:
        total += quantity
    assert side.marked_through(limit) == total


@settings(max_examples=60)
@given(histories, st.sampled_from([1, -1]), st.integers(1, 4))
def test_a_side_that_grew_too_long_keeps_its_best_levels(history: list[Side], sign: int, keep: int) -> None:
    side, levels, worst = BookSide(sign, keep), dict[float, float](), 0.0 if sign == 1 else 1e9
    for some in history:
        side.apply(some)
        levels = plain([list(levels.items()), some])
        if len(levels) > keep * 5 / 4:
            best = sorted(levels, reverse=sign == 1)[:keep]
            levels = {price: levels[price] for price in best}
            worst = max(worst, best[-1]) if sign == 1 else min(worst, best[-1])

        assert side.top(9) == flat(levels, sign, 9)
        for count in range(1, 6):
            known = [price for price in levels if price * sign >= worst * sign]
            assert side.covers(count) == (len(known) >= count or worst in {0.0, 1e9})


def test_what_is_cut_away_was_there_at_the_mark() -> None:
    side = BookSide(1, 4)
    side.apply([(99.0 - n, 1.0) for n in range(5)])
    side.mark()
    side.apply([(100.0, 5.0)])  # 96.0 and 95.0 are cut away
    side.apply([(price, 0.0) for price in (100.0, 99.0, 98.0, 97.0)])
    assert side.marked_through(95.0) == 5.0

    side.mark()
    assert side.marked_through(95.0) == 0.0


def test_a_snapshot_that_is_too_long_is_cut_down_and_has_no_mark() -> None:
    side = BookSide(-1, 4)
    side.replace([(101.0 + n, 1.0) for n in range(6)])

    assert side.top(9)[::2] == [101.0, 102.0, 103.0, 104.0]
    assert side.covers(4)
    assert not side.covers(5)
    assert side.marked_through(200.0) == 0.0


def test_a_side_that_is_replaced_forgets_its_mark() -> None:
    side = BookSide(1)
    side.apply([(100.0, 1.0)])
    side.mark()
    side.apply([(100.0, 0.0)])
    assert side.marked_through(100.0) == 1.0

    side.replace([(99.0, 2.0), (98.0, 0.0)])

    assert side.marked_through(1.0) == 0.0
    assert side.top(9) == [99.0, 2.0]


@settings(max_examples=60)
@given(histories, histories)
def test_a_side_is_written_and_read_with_its_mark(before: list[Side], after: list[Side]) -> None:
    book = Book()
    for some in before:
        book.apply(some, [])
    book.mark()
    for some in after:
        book.apply(some, [])
    again = BookSide(1)
    state = Reader(written(book.bids))
    again.read(state)
    again.read_levels(state, {})

    assert again.top(99) == book.bids.top(99)
    assert again.marked_through(1e-9) == book.bids.marked_through(1e-9)
    assert written(again) == written(book.bids)


@settings(max_examples=60)
@given(histories, histories, st.sampled_from([1, -1]))
def test_levels_are_read_with_what_was_told_since(before: list[Side], after: list[Side], sign: int) -> None:
    side, again = BookSide(sign), BookSide(sign)
    for some in before:
        side.apply(some)
    old = Reader(written(side))
    for some in after:
        side.apply(some)
    again.read(old)
    again.read_levels(old, dict(level for some in after for level in some))

    assert again.top(99) == side.top(99)


def written(side: BookSide) -> bytes:
    out = new_writer()
    side.write(out)
    side.write_levels(out)
    return out.done()
