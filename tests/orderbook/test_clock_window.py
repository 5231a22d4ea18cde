"""Windows by time: what is in them, exactly, wherever they are cut."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.clock_window import MAX_HELD, ClockWindow
from orderbook.codec import Reader, Writer

steps = st.lists(
    st.tuples(st.sampled_from([0, 1, 400, 999, 1_000, 1_001]), st.sampled_from([0.1, -0.3, 1e16, -1e16, 5e-324, 2.5])),
    max_size=30,
)


@settings(max_examples=100)
@given(steps, st.integers(0, 1_200))
def test_the_sum_is_that_of_the_last_second_rounded_once(steps: list[tuple[int, float]], later: int) -> None:
    window, now, held = ClockWindow(), 2**60, list[tuple[int, float]]()
    for passed, value in steps:
        now += passed
        window.push(now, value)
        held.append((now, value))
        out = Writer()
        window.write(out)
        window = ClockWindow.read(Reader(out.done()))

        for at in (now, now + later):
            inside = [Fraction(value) for when, value in held if at - 1_000 < when <= at]
            copy = ClockWindow(held)
            assert copy.sum(at) == float(sum(inside, Fraction(0)))
            assert len(copy) == len(inside)
        assert window.sum(now) == ClockWindow(held).sum(now)


def test_an_empty_window_sums_up_to_zero() -> None:
    window = ClockWindow()
    window.push(5, -1.5)

    assert str(window.sum(1_005)) == str(ClockWindow().sum(0)) == "0.0"


def test_a_window_that_was_cleared_is_empty() -> None:
    window = ClockWindow([(5, 1e290), (6, 0.1)])
    window.clear()

    assert (len(window), window.sum(6)) == (0, 0.0)


def test_where_time_stands_still_the_oldest_numbers_fall_out() -> None:
    window = ClockWindow((7, 1.0) for _ in range(MAX_HELD))
    window.push(7, 5.0)

    assert (len(window), window.sum(7)) == (MAX_HELD, MAX_HELD + 4.0)
