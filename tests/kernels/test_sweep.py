"""What rests up to a price: the compiled walk finds what the plain one finds."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compiled
from orderbook.partial_lane import plain_through, stack_levels

KERNEL = compiled("sweep")

pytestmark = pytest.mark.skipif(KERNEL is None, reason="kernels.sweep was not compiled")


def sides(sign: int) -> st.SearchStrategy[list[float]]:
    """Flat levels of one side, best first, a tick apart or more."""
    steps = st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0.1, 0.2, 0.7, 1e16, 5e-324])), max_size=8)

    def flat(levels: list[tuple[int, float]]) -> list[float]:
        price, out = 100, list[float]()
        for step, quantity in levels:
            price += sign * step
            out += [float(price), quantity]
        return out

    return steps.map(flat)


@settings(max_examples=200)
@given(st.lists(st.tuples(sides(-1), sides(1)), min_size=1, max_size=3), st.integers(80, 120), st.data())
def test_it_finds_what_the_plain_one_finds(books: list[tuple[list[float], list[float]]], price: int, data: Any) -> None:
    assert KERNEL is not None
    block = stack_levels(books)
    layout = data.draw(st.sampled_from([np.array, np.asfortranarray, lambda block: block[::-1].copy()[::-1]]))
    for row in range(len(books)):
        for side in (0, 1):
            expected = plain_through(block, row, side, float(price))
            assert KERNEL.through(layout(block), row, side, float(price)) == expected


@pytest.mark.parametrize(("row", "side"), [(-1, 0), (2, 0), (0, 2), (0, -1)])
def test_a_book_that_is_not_there_is_an_error(row: int, side: int) -> None:
    assert KERNEL is not None
    with pytest.raises(IndexError, match="expected a book and a side in 2 books"):
        KERNEL.through(np.ones((2, 2, 3, 2)), row, side, 1.0)


@pytest.mark.parametrize("block", [np.ones((2, 2, 3)), np.ones((2, 2, 3, 2), np.float32), np.ones((2, 2, 3, 1))])
def test_numbers_of_another_shape_are_an_error(block: Any) -> None:
    assert KERNEL is not None
    with pytest.raises(ValueError, match="expected a block of float64"):
        KERNEL.through(block, 0, 0, 1.0)


def test_it_gives_back_its_memory() -> None:
    assert KERNEL is not None
    block = np.ones((1, 2, 20, 2))

    def walk() -> None:
        for _ in range(20_000):
            KERNEL.through(block, 0, 1, 1.0)

    walk()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        walk()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000, "KiB"
