"""The compiled side of a book, and its sums near mid, against their twins in plain Python."""

from __future__ import annotations

import dataclasses
import resource
import struct
from collections.abc import Iterable
from functools import partial
from math import fsum, inf
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.recordings import RecordingReader
from kernels import compiled
from orderbook import MeasureConfig, Measurer
from orderbook.book import Book, BookSide
from orderbook.codec import Reader, new_writer
from orderbook.events import Side
from orderbook.near import NearNotionals
from simulator import Dirt, default_instruments, simulate
from tests.orderbook.test_histories import RECORDED, raw_of

_SIDES, _SUMS = compiled("book_side"), compiled("near_sums")
pytestmark = pytest.mark.skipif(
    _SIDES is None or _SUMS is None, reason="the kernels were not built: plain Python alone"
)
SIDES = cast("ModuleType", _SIDES)

prices = st.integers(1, 60).map(lambda ticks: ticks / 10) | st.sampled_from([1e-9, 1e290])
quantities = st.sampled_from([0.0, 0.0, 0.1, 1.0, 7.5, 1e-30]) | st.floats(0.0, 1e12)
sides: st.SearchStrategy[Side] = st.lists(st.tuples(prices, quantities), max_size=12)
bands = st.tuples(prices, prices, prices).map(sorted)
steps = st.one_of(
    st.tuples(st.just("apply"), sides),
    st.tuples(st.just("mark"), st.none()),
    st.tuples(st.just("replace"), st.tuples(sides, st.booleans())),
    st.tuples(st.just("reconcile"), st.tuples(sides.map(dict), st.none() | prices)),
    st.tuples(st.just("restart"), sides.map(dict)),
)


def state(side: BookSide, *, plain: bool = False) -> bytes:
    out = new_writer(None) if plain else new_writer()
    side.write(out)
    side.write_levels(out)
    return out.done()


def told(side: BookSide) -> tuple[object, ...]:
    probes = [0.05, 1.0, 2.5, 6.0, 1e291]
    return (
        state(side), state(side, plain=True), side.top(7), side.top(999), side.best, side.best_level, len(side), side.floor, side.undo, side.quantities,
        [side.covers(count) for count in range(1, 9)], [side.knows(p) for p in probes],
        [side.marked_through(p) for p in probes],
    )  # fmt: skip


def do(side: BookSide, step: tuple[str, object], levels: int, sign: int) -> tuple[BookSide, object]:
    match step:
        case "apply", list(changes):
            side.apply(changes)
        case "mark", _:
            side.mark()
        case "replace", (list(changes), bool(cut_off)):
            side.replace(changes, cut_off=cut_off)
        case "reconcile", (dict(known), worst):
            return side, side.reconcile(known, cast("float | None", worst))
        case "restart", dict(since):
            again = type(side)(sign, levels)
            written = Reader(state(side))
            again.read(written)
            again.read_levels(written, since)
            return again, None
    return side, None


@settings(max_examples=120)
@given(st.lists(steps, max_size=12), st.sampled_from([1, -1]), st.integers(1, 30))
def test_a_compiled_side_tells_what_the_plain_one_tells(
    history: list[tuple[str, object]], sign: int, levels: int
) -> None:
    plain, fast = BookSide(sign, levels), SIDES.BookSide(sign, levels)
    for step in history:
        plain, expected = do(plain, step, levels, sign)
        fast, result = do(fast, step, levels, sign)

        assert result == expected
        assert told(fast) == told(plain)


@settings(max_examples=120)
@given(
    st.lists(st.tuples(sides, sides, st.booleans()), max_size=10),
    st.lists(st.sampled_from([None, 100.0, 1e-9]), min_size=1),
    st.integers(2, 30),
)
def test_compiled_sums_tell_what_the_plain_ones_tell(
    history: list[tuple[Side, Side, bool]], sizes: list[float | None], levels: int
) -> None:
    books = Book(levels, kernel=None), Book(levels, kernel=SIDES)
    followers = [NearNotionals(book) for book in books]
    for number, (bids, asks, crossed) in enumerate(history):
        for book in books:
            book.apply(bids, asks)
        if crossed:
            continue  # the log goes on
        for book, near in zip(books, followers, strict=True):
            near.contract_size = sizes[number % len(sizes)]
            near.follow(book.bids.best or -inf, book.asks.best or inf)
            book.mark()

        assert followers[0].values == followers[1].values


@settings(max_examples=120)
@given(st.lists(st.integers(1, 0x7FD << 52), min_size=1, max_size=40), st.data())
def test_sums_are_rounded_once_whatever_the_numbers(bits: list[int], data: st.DataObject) -> None:
    """All numbers are in the band; some come and go."""
    numbers = [struct.unpack("<d", value.to_bytes(8, "little"))[0] for value in bits]
    assume(fsum(numbers) < 1e308)
    side = SIDES.BookSide(1)
    sums = cast("ModuleType", _SUMS).Sums(side)
    side.apply([(1.0 + at, numbers[0]) for at in range(3)])
    assert sums.within([1.0, 1.0, 1.0], 1.0) == [fsum(numbers[:1] * 3)] * 3
    side.mark()
    side.apply([(1.0 + at, number) for at, number in enumerate(numbers)])
    side.apply([(500.0, max(numbers)), (500.0, 0.0), (2.0, 0.0), (3.0, 0.0)])
    kept = [number for at, number in enumerate(numbers) if at not in {1, 2}]
    assert sums.within([1.0, 1.0, 1.0], 1.0) == [fsum(kept)] * 3
    side.mark()
    again = data.draw(st.permutations(list(enumerate(numbers))))
    side.apply([(1.0 + at, number) for at, number in again])
    assert sums.within([1.0, 1.0, 1.0], 1.0) == [fsum(numbers)] * 3


def test_without_a_mark_the_log_of_changes_stays_as_long_as_its_prices_are_many() -> None:
    books = Book(kernel=None), Book(kernel=SIDES)
    followers = [NearNotionals(book) for book in books]
    for book, near in zip(books, followers, strict=True):
        book.apply([(99.99, 1.0)], [(100.01, 1.0)])
        near.follow(99.99, 100.01)
        book.mark()
        for number in range(40_000):
            book.apply([(99.9 + number % 7 / 100, number % 5 * 1.0)], [])
    assert state(books[1].bids) == state(books[0].bids)
    for near in followers:
        near.follow(99.99, 100.01)
    assert followers[1].values == followers[0].values
    assert followers[0].values[4] != 99.99


def test_a_worth_beyond_all_numbers_is_an_error_of_both_while_it_rests() -> None:
    for kernel in (None, SIDES):
        book = Book(kernel=kernel)
        near = NearNotionals(book)
        book.apply([(99.99, 1.0)], [(100.01, 1.0)])
        near.follow(99.99, 100.01)
        book.mark()
        book.apply([(99.98, 1e308)], [])
        with pytest.raises(OverflowError):
            near.follow(99.99, 100.01)
        book.apply([(99.98, 0.0)], [])
        near.follow(99.99, 100.01)
        assert near.values[0] == 99.99


@pytest.mark.parametrize("wrong", [[(1.0,)], [1.0], [(1.0, "2")], [(1.0, 2.0, 3.0)], 5, None])
def test_what_are_no_changes_is_an_error(wrong: object) -> None:
    side = SIDES.BookSide(1)
    side.apply([(2.0, 1.0)])
    with pytest.raises((TypeError, ValueError)):
        side.apply(wrong)
    side.apply([(float("nan"), 1.0), (3.0, float("nan")), (inf, 1.0), (-inf, 0.0)])
    assert side.best == inf


def measured(raws: Iterable[RawBatch]) -> list[tuple[object, ...]]:
    """All that comes of raw messages, with the states between the batches."""
    decoder, measurers, out = Decoder(), dict[str, Measurer](), list[tuple[object, ...]]()
    for raw in raws:
        for group in decoder.decode(raw).groups:
            measurer = measurers.setdefault(group.instrument, Measurer(MeasureConfig(book_levels=500)))
            told = measurer.feed(group.events, group.levels)
            out.append((told.rows, told.books.tolist(), told.notices, told.quotes, told.audits, measurer.state()))
    return out


def either_way(raws: list[RawBatch], monkeypatch: pytest.MonkeyPatch) -> int:
    """Both give the same; how many batches there were."""
    fast = measured(raws)
    monkeypatch.setattr("orderbook.diff_lane.Book", partial(Book, kernel=None))
    assert measured(raws) == fast
    return len(fast)


@pytest.mark.recordings
@pytest.mark.parametrize("file", RECORDED)
def test_a_recording_gives_the_same_either_way(recordings: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert either_way(list(RecordingReader(recordings / file).batches()), monkeypatch) > 1


def test_a_simulated_market_full_of_gaps_gives_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    instruments = [dataclasses.replace(instrument, audit_every_s=1) for instrument in default_instruments(5)]
    dirt = Dirt(gap_pct=3.0, duplicate_pct=5.0, reorder_pct=5.0, skew_ms=80)
    events = list(simulate(instruments, seconds=10, seed=5, dirt=dirt))
    raws = [raw_of(events[at : at + 500]) for at in range(0, len(events), 500)]
    assert either_way(raws, monkeypatch) > 10


def test_nothing_leaks() -> None:
    before = 0
    for number in range(40):
        for _ in range(2_500):
            book = Book(8, kernel=SIDES)
            near = NearNotionals(book)
            book.apply([(99.0 - n, 1.0) for n in range(12)], [(101.0, 1.0)])
            near.follow(99.0, 101.0)
            book.bids.top(5)
            state(book.asks)
        if number == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000, "kB in 90 000 rounds"
