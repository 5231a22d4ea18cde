"""What was told last of each price: the plain table against all that was told, and the compiled one against the plain."""

from __future__ import annotations

import resource
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.codec import KERNEL as WRITER
from orderbook.codec import STATE_TAG, Reader, StateError, new_writer
from orderbook.events import Side
from orderbook.told import KERNEL, PlainTold, Told, read_told

prices = st.sampled_from([0.0, -0.0, 1.0, 60_000.1]) | st.floats(1e-9, 1e290) | st.integers(1, 400).map(float)
sides: st.SearchStrategy[Side] = st.lists(st.tuples(prices, st.floats(0.0, 1e9)), max_size=60)
steps = st.one_of(sides, sides, st.integers(0, 9))


def packed(told: PlainTold, oldest: int, number: int, kernel: ModuleType | None = WRITER) -> bytes:
    """What is written of it, without the tag; ``kernel`` of the writer."""
    out = new_writer(kernel)
    told.write(out, oldest, number)
    return out.done().removeprefix(STATE_TAG)


@settings(max_examples=100)
@given(st.lists(sides, max_size=8), st.integers(0, 9), st.integers(0, 9))
def test_the_last_word_on_each_price_counts(history: list[Side], oldest: int, first: int) -> None:
    told = PlainTold()
    last: dict[float, tuple[float, int]] = {}
    for number, side in enumerate(history, 1):
        told.take(side, number)
        last.update((price, (quantity, number)) for price, quantity in side)

    expected = {price: quantity for price, (quantity, number) in last.items() if number >= first}
    assert told.since(first) == expected
    written, again = read_told(Reader(STATE_TAG + 2 * packed(told, oldest, first)))
    assert written == again
    assert {price: quantity for price, quantity, _ in written} == expected
    assert [max(last[price][1] - oldest + 1, 0) for price, _, _ in written] == [mark for _, _, mark in written]
    told.forget(first)
    assert told.since(0) == expected
    assert len(told) == len(expected)


@pytest.mark.skipif(KERNEL is None, reason="the kernels were not built: plain Python alone")
@settings(max_examples=200)
@given(st.lists(steps, max_size=12), st.integers(0, 9), st.sets(st.integers(-1, 9), min_size=1, max_size=3))
def test_the_compiled_table_tells_the_same(history: list[Side | int], oldest: int, firsts: set[int]) -> None:
    assert KERNEL is not None
    plain, fast = PlainTold(), KERNEL.Told()
    for number, step in enumerate(history, 1):
        if isinstance(step, int):
            plain.forget(step)
            fast.forget(step)
        else:
            plain.take(step, number)
            fast.take(step, number)

        assert len(fast) == len(plain)
        for first in firsts:
            assert list(fast.since(first).items()) == list(plain.since(first).items())
            expected = packed(plain, oldest, first)
            assert packed(fast, oldest, first) == packed(fast, oldest, first, kernel=None) == expected


@pytest.mark.skipif(KERNEL is None, reason="the kernels were not built: plain Python alone")
def test_the_compiled_table_leaks_nothing() -> None:
    assert KERNEL is not None
    before = 0
    for number in range(20):
        for _ in range(1_000):
            told = KERNEL.Told()
            told.take([(price / 8, 1.0) for price in range(100)], 1)
            told.forget(number % 3)
            told.write(new_writer(), 0, 0)
        if number == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000, "kB in 15 000 rounds"


@pytest.mark.parametrize("kernel", [None, KERNEL], ids=["plain", "compiled"])
def test_what_was_forgotten_on_the_way_does_not_show_in_the_order(kernel: ModuleType | None) -> None:
    kept, forgot = (PlainTold() if kernel is None else kernel.Told() for _ in range(2))
    for number in range(1, 100):
        side = [(float(price), float(number)) for price in range(number % 7, 40, 3)]
        kept.take(side, number)
        forgot.take(side, number)
        forgot.forget(number - 2)

        assert packed(kept, 0, number - 2) == packed(forgot, 0, number - 2)


@pytest.mark.parametrize("counts", [[1], [3], [1, 1], [5, -3], []])
def test_what_does_not_fit_together_is_refused(counts: list[int]) -> None:
    out = new_writer()
    out.put_decimals([99.0, 98.0], steps=True)
    out.put_decimals([1.0, 2.0])
    out.put_integers([4])
    out.put_integers(counts)
    with pytest.raises(StateError, match="expected 2 quantities, and differences that told as many prices"):
        read_told(Reader(out.done()))


def test_what_was_told_is_filled_in_one_after_the_other() -> None:
    told, again = Told(), Told()
    told.bids.take([(99.0, 1.0), (98.0, 2.0)], 1)
    told.bids.take([(98.0, 3.0), (97.0, 4.0)], 2)
    told.asks.take([(101.0, 5.0)], 2)
    again.fill(([(99.0, 1.0, 1), (98.0, 2.0, 1)], []), ([(98.0, 3.0, 2), (97.0, 4.0, 2)], [(101.0, 5.0, 2)]))

    written, expected = new_writer(), new_writer()
    again.write(written, 1, 0)
    told.write(expected, 1, 0)
    assert written.done() == expected.done()
