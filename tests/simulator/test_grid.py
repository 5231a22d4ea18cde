"""Counts of steps and decimal text are one to one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.grid import Grid

STEPS = ["0.01000000", "0.10", "0.001", "1", "5", "0.00001000"]


@given(step=st.sampled_from(STEPS), count=st.integers(0, 10**12))
def test_text_and_count_are_inverse_and_exact(step: str, count: int) -> None:
    grid = Grid(step)
    text = grid.text(count)

    assert Decimal(text) == count * Decimal(step)
    assert len(text.partition(".")[2]) == len(step.partition(".")[2])
    assert grid.count(text) == count


def test_the_step_s_decimals_are_written() -> None:
    assert [Grid(step).text(7) for step in STEPS] == ["0.07000000", "0.70", "0.007", "7", "35", "0.00007000"]


@pytest.mark.parametrize(("step", "text"), [("0.10", "1.05"), ("0.10", "1.001"), ("5", "7"), ("1", "1.5")])
def test_text_off_the_grid_is_refused(step: str, text: str) -> None:
    with pytest.raises(ValueError, match="expected a multiple of the step"):
        Grid(step).count(text)


def test_more_decimals_than_the_step_s_are_fine_when_they_are_zeros() -> None:
    assert Grid("0.10").count("1.2000") == 12


@pytest.mark.parametrize("step", ["0", "0.00"])
def test_a_step_of_zero_is_refused(step: str) -> None:
    with pytest.raises(ValueError, match="expected a step above zero"):
        Grid(step)
