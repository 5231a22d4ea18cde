"""Sums of floats: exact, in any order, with anything taken away again."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from orderbook.exact import ExactSum

numbers = st.lists(st.floats(-1e290, 1e290) | st.sampled_from([0.1, 1e16, -1e16, 5e-324, -0.0]), max_size=30)


@given(numbers, numbers)
def test_a_sum_is_exact_and_what_was_taken_away_leaves_no_trace(kept: list[float], passing: list[float]) -> None:
    total = ExactSum()
    for value in [*passing, *kept, *(-value for value in passing)]:
        total.add(value)

    assert total.rounded() == math.fsum(kept)
