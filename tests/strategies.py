"""Hypothesis strategies: what an instrument may be told, in all the ways that go wrong."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from orderbook import MeasureConfig
from tests.orderbook.feeds import Told
from tests.orderbook.venue import QUANTITIES, Change, Step, Venue

DIFFS: Final = ("diff",) * 8
SNAPSHOTS: Final = ("snapshot",) * 3
BROKEN: Final = ("lost", "wrong_previous", "overlap", "again", "restart", "ahead", "overtaken", "hidden", "hidden")
QUOTES: Final = ("quote",) * 4
PARTIALS: Final = ("partial",) * 8
ODD_PARTIALS: Final = ("old_partial", "restarted_partial", "nameless", "again")
CLOCK: Final = ("clock_back",)
TRADES: Final = ("trade", "trade", "trade", "trade_again", "trade_other", "trade_insurance", "trade_restart")

levels = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from((0, 0, 0, 1, 2, 3, -1, -2)), st.integers(-2, len(QUANTITIES) - 1)),
    min_size=1,
    max_size=4,
).map(tuple)
changes = st.builds(
    Change, st.sampled_from((0, 0, 1, -1, 2, -3)), levels, st.sampled_from((True, True, True, True, False))
)
_FRESH: Final = Step("snapshot", Change(0, ()))
quiet_runs = st.lists(st.builds(Step, st.just("diff"), changes, st.integers(0, 2)), min_size=3, max_size=10).map(
    lambda diffs: [_FRESH, *diffs]
)
"""A snapshot of now, and differences without a break: else most full books would wait for ever."""


def scripts(*kinds: str, max_size: int) -> st.SearchStrategy[list[Step]]:
    """Lists of steps of these kinds; one that is given more often is drawn more often."""
    steps = st.builds(Step, st.sampled_from(kinds), changes, st.integers(0, 4)).map(lambda step: [step])
    parts = st.one_of(steps, steps, steps, quiet_runs) if "diff" in kinds else steps
    return st.lists(parts, min_size=4, max_size=max_size).map(lambda some: [step for part in some for step in part])


def told(*kinds: str, futures: bool | None = None, max_size: int = 30) -> st.SearchStrategy[list[Told]]:
    """What an instrument is told by a script of these kinds."""
    venues = st.booleans() if futures is None else st.just(futures)
    return st.builds(
        lambda script, is_futures, aggregate, deep: Venue(futures=is_futures, aggregate=aggregate, deep=deep).perform(
            script
        ),
        scripts(*kinds, max_size=max_size),
        venues,
        st.booleans(),
        st.booleans(),
    )


partial_feeds = told(*PARTIALS, *ODD_PARTIALS, *CLOCK)
"""Partial depth: one-sided, empty and crossed books, ids that repeat, go back, or are missing."""

spot_feeds = told(*DIFFS, *SNAPSHOTS, *BROKEN, *QUOTES, *CLOCK, "wrong_quote", futures=False)
"""Spot differences with snapshots that are early, late, too old; gaps, repetitions, restarts."""

futures_feeds = told(*DIFFS, *SNAPSHOTS, *BROKEN, *QUOTES, *CLOCK, "wrong_quote", futures=True)
"""The same by the futures' rules."""

mixed_feeds = told(*DIFFS, *SNAPSHOTS, *BROKEN, *QUOTES, *PARTIALS, *ODD_PARTIALS, *TRADES, *CLOCK)
"""All kinds of messages of one instrument at once."""

FEEDS: Final = {"partial": partial_feeds, "spot": spot_feeds, "futures": futures_feeds, "mixed": mixed_feeds}

configs = st.builds(
    lambda depth_levels, book_levels, **others: MeasureConfig(
        depth_levels=depth_levels, book_levels=max(depth_levels, book_levels), **others
    ),
    depth_levels=st.sampled_from((1, 2, 3, 20)),
    book_levels=st.sampled_from((1, 4, 20, 5_000, 5_000)),
    delta_volume_window=st.sampled_from((1, 2, 3, 100)),
    delta_estimator=st.sampled_from(("swept", "price_gap")),
    large_order_threshold_pct=st.sampled_from((0.0, 0.01, 0.25, 1.0)),
)
"""Small windows and depths, so that they are full and cut soon."""
