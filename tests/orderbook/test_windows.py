"""Windows and their sums: exact, whatever came before, compiled or not."""

from __future__ import annotations

import math
import resource
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compiled
from orderbook.decimals import packed_decimals, packed_integers
from orderbook.windows import MAX_HELD, new_window

KERNEL = compiled("windows")

both = pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(None, id="plain"),
        pytest.param(KERNEL, id="compiled", marks=pytest.mark.skipif(KERNEL is None, reason="no compiled windows")),
    ],
)

number = st.floats(-1e290, 1e290) | st.sampled_from([0.1, 0.2, 0.3, -0.1, 1e16, -1e16, 1.0, 2.0**-53, 5e-324, -0.0])
numbers = st.lists(number, max_size=30)
stamped = st.lists(st.tuples(st.sampled_from([0, 1, 400, 999, 1_000, 1_001]), number), max_size=30)


@both
@settings(max_examples=200)
@given(values=numbers, size=st.integers(1, 9))
def test_a_windows_sum_is_the_exact_sum_of_its_last_numbers_rounded_once(
    kernel: ModuleType | None, values: list[float], size: int
) -> None:
    window = new_window(size, kernel=kernel)
    for count, value in enumerate(values, 1):
        window.push(value)
        held = values[:count][-size:]

        assert window.values == held
        assert window.stamps == [0] * len(held)
        assert window.packed_values() == packed_decimals(value + 0.0 for value in held)  # -0.0 is 0.0
        assert len(window) == len(held)
        assert window.sum() == math.fsum(held) == float(sum(map(Fraction, held), Fraction(0)))


@both
@settings(max_examples=200)
@given(steps=stamped, later=st.integers(0, 1_200))
def test_the_sum_is_that_of_what_came_after_a_moment(
    kernel: ModuleType | None, steps: list[tuple[int, float]], later: int
) -> None:
    window, now, held = new_window(MAX_HELD, kernel=kernel), 2**60, list[tuple[int, float]]()
    for passed, value in steps:
        now += passed
        window.push(value, now)
        held.append((now, value))
        for after in (now - 1_000, now - 1_000 + later):
            inside = [(at, value) for at, value in held if at > after]
            copy = new_window(MAX_HELD, window.values, window.stamps, kernel=kernel)
            assert copy.sum_after(after) == float(sum((Fraction(value) for _, value in inside), Fraction(0)))
            assert list(zip(copy.stamps, copy.values, strict=True)) == inside
            assert copy.packed_stamps() == packed_integers(at for at, _ in inside)
            assert copy.packed_values() == packed_decimals(value + 0.0 for _, value in inside)
        window.sum_after(now - 1_000)


@both
@pytest.mark.parametrize("values", [[-0.0], [0.1, -0.1], []])
def test_a_sum_of_nothing_has_no_sign(kernel: ModuleType | None, values: list[float]) -> None:
    window = new_window(3, values, kernel=kernel)

    assert str(window.sum()) == str(window.sum_after(5)) == "0.0"


@both
@pytest.mark.parametrize(
    ("values", "rounded"),
    [
        pytest.param([1.0, 2.0**-53], 1.0, id="tie"),
        pytest.param([1.0, 2.0**-53, 2.0**-200], 1.0 + 2.0**-52, id="more_than_a_tie"),
        pytest.param([1.0, 2.0**-53, -(2.0**-200)], 1.0, id="less_than_a_tie"),
        pytest.param([1.0 + 2.0**-52, 2.0**-53, -(2.0**-200)], 1.0 + 2.0**-52, id="less_than_a_tie_of_an_odd_number"),
        pytest.param([1.0 + 2.0**-52, 2.0**-53], 1.0 + 2.0**-51, id="tie_of_an_odd_number"),
        pytest.param([-1.0, -(2.0**-53), -(2.0**-200)], -1.0 - 2.0**-52, id="more_than_a_tie_below_zero"),
    ],
)
def test_a_tie_goes_to_even_unless_there_is_more(
    kernel: ModuleType | None, values: list[float], rounded: float
) -> None:
    assert new_window(9, values, kernel=kernel).sum() == rounded


@both
def test_a_huge_number_leaves_no_trace_once_it_has_left(kernel: ModuleType | None) -> None:
    window = new_window(2, (1e290, 0.1, 0.2), kernel=kernel)

    assert window.sum() == math.fsum([0.1, 0.2])


@both
def test_a_window_that_was_cleared_is_empty_and_can_be_used_again(kernel: ModuleType | None) -> None:
    window = new_window(5, (1e290, 0.1), (5, 6), kernel=kernel)
    window.clear()
    empty = len(window), window.sum(), window.values
    window.push(2.5, 3)

    assert empty == (0, 0.0, [])
    assert (window.sum(), window.values, window.stamps) == (2.5, [2.5], [3])


@both
def test_where_time_stands_still_the_oldest_numbers_fall_out(kernel: ModuleType | None) -> None:
    window = new_window(MAX_HELD, [1.0] * MAX_HELD, [7] * MAX_HELD, kernel=kernel)
    window.push(5.0, 7)

    assert (len(window), window.sum_after(6)) == (MAX_HELD, MAX_HELD + 4.0)


@pytest.mark.skipif(KERNEL is None, reason="no compiled windows")
def test_compiled_windows_give_back_their_memory() -> None:
    def fill() -> None:
        for _ in range(2_000):
            window = new_window(100, [0.1] * 50, kernel=KERNEL)
            window.sum()
            window.packed_values()
            window.packed_stamps()

    fill()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        fill()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000, "KiB"


@both
@given(
    told=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12),
    size=st.integers(1, 5),
    ms=st.integers(0, 9),
)
def test_marks_are_counted_and_a_clock_that_was_wrong_is_mended(
    kernel: ModuleType | None, told: list[tuple[int, bool]], size: int, ms: int
) -> None:
    window = new_window(size, kernel=kernel)
    for at_ms, cut_off in told:
        window.push(1.0, at_ms, cut_off)
    window.not_after(ms)
    held = told[-size:]

    assert window.stamps == [min(at_ms, ms) for at_ms, _ in held]
    assert window.cuts == [cut_off for _, cut_off in held]
    assert window.cut_off == sum(window.cuts)
    assert window.since_ms == (window.stamps[0] if held else None)
    window.clear()
    assert (window.cut_off, window.since_ms) == (0, None)
