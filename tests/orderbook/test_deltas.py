"""Windows and their sums: exact, whatever came before."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.codec import Reader, Writer
from orderbook.deltas import Window

numbers = st.lists(
    st.floats(-1e290, 1e290) | st.sampled_from([0.1, 0.2, 0.3, -0.1, 1e16, -1e16, 5e-324, -0.0]), max_size=30
)


@settings(max_examples=100)
@given(numbers, st.integers(1, 9))
def test_a_windows_sum_is_the_exact_sum_of_its_last_numbers_rounded_once(values: list[float], size: int) -> None:
    window = Window(size)
    for count, value in enumerate(values, 1):
        window.push(value)
        held = values[:count][-size:]

        assert len(window) == len(held)
        assert window.sum() == math.fsum(held) == float(sum(map(Fraction, held), Fraction(0)))


@settings(max_examples=60)
@given(numbers, st.integers(1, 9), st.integers(1, 9))
def test_a_window_is_read_as_written_less_what_a_smaller_one_drops(
    values: list[float], size: int, smaller: int
) -> None:
    window = Window(size, values)
    out = Writer()
    window.write(out)
    again = Window.read(smaller, Reader(out.done()))

    assert again.sum() == math.fsum(values[-size:][-smaller:])
    assert len(again) == min(len(values), size, smaller)


def test_an_empty_window_sums_up_to_zero() -> None:
    assert Window(5).sum() == 0.0


@pytest.mark.parametrize("values", [[-0.0], [0.1, -0.1], []])
def test_a_sum_of_nothing_has_no_sign(values: list[float]) -> None:
    assert str(Window(3, values).sum()) == "0.0"


def test_a_huge_number_leaves_no_trace_once_it_has_left() -> None:
    window = Window(2)
    for value in (1e290, 0.1, 0.2):
        window.push(value)

    assert window.sum() == math.fsum([0.1, 0.2])
