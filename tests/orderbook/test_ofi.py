"""Order-flow imbalance over several levels, and how its sums decay."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook import MeasureConfig
from orderbook.ofi import BEFORE_FULL, BEFORE_PARTIAL, FAST, LEVELS, NO_PREDECESSOR, SLOW, Decay, predecessors
from orderbook.partial_lane import stack_levels
from tests.orderbook.feeds import Levels, Run, book, snapshot, spot


def bids_from(best: int, count: int) -> list[tuple[float, float]]:
    """Levels a tick apart, each with a quantity of its own (a power of two)."""
    return [(float(price), 2.0 ** (price % 32)) for price in range(best, best - count, -1)]


def ofi_ml(*books: Levels, config: MeasureConfig | None = None) -> list[float | None]:
    """Of partial books that have bids only."""
    return [record["ofi_ml"] for record in Run(config).feed(*(book(bids, []) for bids in books))]


@pytest.mark.parametrize("count", [10, 20, 5])
def test_a_level_that_leaves_because_a_better_one_came_is_no_event(count: int) -> None:
    before, now = bids_from(130, count), bids_from(131, count)

    assert ofi_ml(before, now, before) == [None, 2.0 ** (131 % 32), -(2.0 ** (131 % 32))]


@pytest.mark.parametrize(("count", "change"), [(9, 2.0 ** (131 % 32) - 2.0 ** (122 % 32)), (10, 2.0 ** (131 % 32))])
def test_a_side_of_fewer_than_ten_levels_is_whole(count: int, change: float) -> None:
    assert ofi_ml(bids_from(130, count), bids_from(131, count))[1] == change


def test_where_fewer_levels_count_a_side_ends_there() -> None:
    config = MeasureConfig(depth_levels=3)

    assert ofi_ml(bids_from(130, 8), bids_from(131, 8), config=config)[1] == 2.0 ** (131 % 32)


def test_a_change_below_ten_levels_is_not_seen() -> None:
    changed = [*bids_from(130, 10), (120.0, 99.0), *bids_from(119, 5)]

    assert ofi_ml(bids_from(130, 20), changed)[1] == 0.0


def test_an_empty_side_is_whole() -> None:
    assert ofi_ml([], bids_from(130, 2), []) == [None, 2.0**1 + 2.0**2, -(2.0**1 + 2.0**2)]


def test_a_batch_that_begins_with_a_predecessor_of_an_earlier_one_knows_it() -> None:
    run = Run()
    run.feed(book(bids_from(130, 2), []), snapshot(1, bids_from(60, 1)), spot(2, 2), spot(3, 3, [(59.0, 8.0)]))

    records = run.feed(spot(4, 4, [(59.0, 9.0)]), book(bids_from(130, 3), []), spot(5, 5))

    assert [record["ofi_ml"] for record in records] == [1.0, 2.0 ** (128 % 32), 0.0]


def test_a_deeper_setting_after_a_restart_compares_no_books_of_different_depths() -> None:
    run = Run(MeasureConfig(depth_levels=1))
    run.feed(book(bids_from(130, 5), []), snapshot(1, bids_from(60, 4)), spot(2, 2))
    deeper = Run(MeasureConfig(depth_levels=20), state=run.measurer.state())
    shallower = Run(MeasureConfig(depth_levels=1), state=run.measurer.state())

    for again, expected in ((deeper, [None, None]), (shallower, [0.0, 0.0])):
        records = again.feed(book(bids_from(130, 5), []), spot(3, 3))
        assert [record["ofi_ml"] for record in records] == expected
        assert [record["ofi_l1"] for record in records] == [0.0, 0.0]


def test_predecessors_are_found_in_the_batch_and_in_what_was_carried() -> None:
    books = stack_levels([([1.0, 1.0], []), ([2.0, 1.0], []), ([3.0, 1.0], [])])
    partial, full = stack_levels([([7.0, 1.0], [])]), stack_levels([([8.0, 1.0], [])])
    nothing = stack_levels([([], [])])
    found = predecessors(books, [2, 1], [BEFORE_FULL, 0, BEFORE_PARTIAL], [(nothing, full), (partial, nothing)])

    assert found.shape == (3, 2, LEVELS, 2)
    assert found[:, 0, 0, 0].tolist() == [8.0, 1.0, 7.0]
    assert np.isnan(predecessors(books, [3], [NO_PREDECESSOR] * 3, [(nothing, nothing)])).all()


@given(st.integers(0, 10_000_000))
def test_the_decay_is_the_exponential_function(ms: int) -> None:
    for decay, tau in ((FAST, 500), (SLOW, 2_000)):
        assert math.isclose(decay[ms], math.exp(-ms / tau), rel_tol=1e-12, abs_tol=1e-320)


def test_decays_of_any_length_do_not_fill_the_memory() -> None:
    decay = Decay(500)

    assert [decay[ms] for ms in (0, 500, 500 * 746, 500 * 747, 2**62)] == [1.0, math.exp(-1), 0.0, 0.0, 0.0]
    assert all(0.0 < decay[ms] < 1.0 for ms in range(10_000, 300_000, 100))
    assert len(decay) < 10
