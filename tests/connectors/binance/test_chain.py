"""The feed's chain of ids decides as the job's full book does, whatever comes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.binance.chain import Chain, Step, follows, joins_snapshot, older_than_snapshot
from orderbook import sequence
from orderbook.diff_lane import DiffLane
from orderbook.events import Diff, Snapshot
from orderbook.partial_lane import STALE
from orderbook.presets import MeasureConfig
from orderbook.record import RESYNCING

BIDS, ASKS = [(99.0, 1.0)], [(101.0, 1.0)]


def event(first: int, last: int, previous: int | None, clock_ms: int) -> Diff:
    return Diff(0, 0, None, clock_ms, None, last, first, previous, BIDS, ASKS)


ids = st.integers(0, 12)


@given(ids, ids, st.none() | ids, ids)
def test_the_rules_are_those_of_the_order_book(first: int, length: int, previous: int | None, other: int) -> None:
    diff = event(first, first + length, previous, 1)
    chained = previous is not None

    assert older_than_snapshot(diff.update_id, other, chained=chained) == sequence.older_than_snapshot(diff, other)
    assert joins_snapshot(diff.first_id, previous, other) == sequence.joins_snapshot(diff, other)
    assert follows(diff.first_id, previous, other) == sequence.follows(diff, other)


told = st.one_of(
    # (kind, how much the ids move, how many ids it covers, how far the clock moves)
    st.tuples(st.just("next"), st.just(0), st.integers(1, 5), st.integers(1, 100)),
    st.tuples(st.just("next"), st.integers(-9, 9), st.integers(1, 5), st.sampled_from([0, 1, 100, 70_000])),
    st.tuples(st.just("snapshot"), st.integers(-9, 9), st.just(0), st.just(0)),
)


@given(st.booleans(), st.lists(told, max_size=40))
def test_it_breaks_waits_and_joins_when_the_book_does(chained: bool, script: list[tuple[str, int, int, int]]) -> None:
    chain = Chain(chained=chained)
    lane = DiffLane(MeasureConfig())
    last, clock_ms = 100, 1
    for kind, move, covers, later_ms in script:
        clock_ms += later_ms
        if kind == "snapshot":
            if not chain.joined:  # the book keeps an early one for later; the feed asks for another
                chain.snapshot(last + move)
                lane.snapshot(Snapshot(0, last + move, BIDS, ASKS), Counter())
            continue
        first = last + 1 + move
        previous = last + move if chained else None
        gaps = lane.gaps
        last = first + covers - 1
        step = chain.take(first, last, previous, clock_ms)
        state = lane.feed(event(first, last, previous, clock_ms), Counter())

        assert (step is Step.SEEN) == (state == STALE)
        assert (step is Step.BREAK) == (lane.gaps > gaps)
        if state != STALE:
            assert chain.joined == (state != RESYNCING)
            assert chain.waiting == (state == RESYNCING)


FUTURES = [(10, 20, 9), (25, 30, 20), (31, 40, 30)]
SPOT = [(10, 20, None), (21, 30, None), (31, 40, None)]


@pytest.mark.parametrize(
    ("diffs", "snapshot_id", "joins"),
    [
        (SPOT, 8, False),
        (SPOT, 9, True),
        (SPOT, 20, True),
        (SPOT, 40, True),
        (SPOT, 99, True),
        (FUTURES, 8, False),
        (FUTURES, 9, True),  # pu of the first
        (FUTURES, 10, True),
        (FUTURES, 20, True),
        (FUTURES, 22, False),  # between u of one and U of the next: by the venue's rule it joins neither
        (FUTURES, 25, True),
        (FUTURES, 99, True),
    ],
)
def test_a_snapshot_joins_when_no_id_is_left_out(
    diffs: list[tuple[int, int, int | None]], snapshot_id: int, joins: bool
) -> None:
    chain = Chain(chained=diffs is FUTURES)
    for diff in diffs:
        assert chain.take(*diff, 1) is Step.FOLLOWS

    assert chain.snapshot(snapshot_id) is joins
    assert chain.waiting is not joins


def test_a_snapshot_that_is_ahead_joins_with_the_difference_that_reaches_it() -> None:
    chain = Chain(chained=False)
    chain.take(10, 20, None, 1)

    assert chain.snapshot(25)
    assert not chain.joined
    assert chain.take(21, 24, None, 2) is Step.SEEN
    assert chain.take(25, 30, None, 3) is Step.FOLLOWS
    assert chain.joined


def test_a_snapshot_that_the_stream_has_jumped_over_is_no_gap() -> None:
    chain = Chain(chained=False)
    chain.take(10, 20, None, 1)
    chain.snapshot(25)

    assert chain.take(27, 30, None, 2) is Step.UNJOINED
    assert chain.waiting
