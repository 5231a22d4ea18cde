"""What rests near mid: which levels count, where it is not known, and sums that follow the book exactly."""

from __future__ import annotations

from math import fsum
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig
from orderbook.book import KERNEL, Book
from orderbook.near import BANDS_BPS, NOTHING, NearNotionals
from tests.orderbook.feeds import COINM, USDM, Levels, Run, book, snapshot, spot

NAMES = [f"{side}_notional_{bps}bps" for bps in BANDS_BPS for side in ("bid", "ask")]

# Mid is 1 000: 5 basis points are 0.5, 10 are 1.0, 25 are 2.5.
BIDS = [(999.9, 1.0), (999.5, 2.0), (999.4, 4.0), (999.0, 8.0), (997.5, 16.0), (997.0, 32.0)]
ASKS = [(1000.1, 1.0), (1000.5, 2.0), (1001.0, 4.0), (1002.5, 8.0), (1002.6, 16.0)]


def near(record: dict[str, Any]) -> list[float | None]:
    return [record[name] for name in NAMES]


def worth(levels: Levels) -> float:
    return fsum(price * quantity for price, quantity in levels)


@pytest.mark.parametrize("path", ["partial", "full"])
def test_levels_within_a_distance_from_mid_count_the_last_one_included(path: str) -> None:
    run = Run(instrument=USDM)
    run.feed(snapshot(1, BIDS, ASKS))
    record = run.one(book(BIDS, ASKS) if path == "partial" else spot(2, 2))

    expected = [
        worth(side[:count]) for side, count in ((BIDS, 2), (ASKS, 2), (BIDS, 4), (ASKS, 3), (BIDS, 5), (ASKS, 4))
    ]
    assert near(record) == expected


def test_a_partial_book_knows_no_more_than_its_levels_reach() -> None:
    record = Run().one(book(BIDS[:4], ASKS[:2]))

    assert near(record) == [worth(BIDS[:2]), worth(ASKS[:2]), worth(BIDS[:4]), None, None, None]


def test_levels_that_do_not_count_do_not_reach() -> None:
    record = Run(MeasureConfig(depth_levels=2)).one(book(BIDS, ASKS))

    assert near(record) == [worth(BIDS[:2]), worth(ASKS[:2]), None, None, None, None]


def test_a_full_book_is_known_as_far_as_its_band_and_whatever_the_depth() -> None:
    run = Run(MeasureConfig(depth_levels=1))
    bids = [(999.9 - n / 20, 1.0) for n in range(20)]  # 20 levels: cut off at 998.95, beyond 10 basis points only
    run.feed(snapshot(1, bids, ASKS))
    record = run.one(spot(2, 2))

    assert [value is None for value in near(record)] == [False, False, False, False, True, False]
    assert near(record)[2] == worth(level for level in bids if level[0] >= 999.0)


def test_a_wide_spread_leaves_the_nearest_band_empty() -> None:
    record = Run().one(book([(990.0, 1.0)], [(1010.0, 1.0)]))

    assert near(record) == [0.0] * 6


@pytest.mark.parametrize("path", ["partial", "full"])
def test_contracts_are_worth_their_size(path: str) -> None:
    run = Run(instrument=COINM)
    run.feed(snapshot(1, BIDS, ASKS))
    record = run.one(book(BIDS, ASKS) if path == "partial" else spot(2, 2))

    assert near(record) == [300.0, 300.0, 1500.0, 700.0, 3100.0, 1500.0]


def test_without_a_mid_nothing_is_near_and_later_nothing_is_missing() -> None:
    run = Run()
    run.feed(snapshot(1, BIDS, ASKS))
    records = run.feed(spot(2, 2), spot(3, 3, [], [(p, 0.0) for p, _ in ASKS]), spot(4, 4, [(999.9, 5.0)], ASKS))

    assert near(records[1]) == [None] * 6
    assert near(records[2])[0] == worth([(999.9, 5.0), (999.5, 2.0)])


quantities = st.sampled_from([0.0, 0.1, 0.7, 1e-3, 123.456, 1e-30, 5e-324, 1e20, 1e280])
changes = st.lists(st.tuples(st.integers(-40, 0), quantities), max_size=6)


@settings(max_examples=100)
@pytest.mark.parametrize("kernel", [None, KERNEL], ids=["plain", "as built"])
@given(st.lists(st.tuples(changes, changes, st.integers(-30, 30)), max_size=12), st.sampled_from([None, 100.0, 1e-9]))
def test_running_sums_equal_sums_made_anew_for_all_numbers(
    kernel: ModuleType | None,
    steps: list[tuple[list[tuple[int, float]], list[tuple[int, float]], int]],
    size: float | None,
) -> None:
    kept = Book(kernel=kernel)
    following = NearNotionals(kept)
    following.contract_size = size
    for bids, asks, mid in steps:
        kept.apply([(mid + 1000.0 + d / 7, q) for d, q in bids], [(mid + 1001.0 - d / 7, q) for d, q in asks])
        best_bid, best_ask = kept.bids.best, kept.asks.best
        if best_bid is None or best_ask is None or best_bid >= best_ask:
            continue
        following.follow(best_bid, best_ask)
        kept.mark()
        anew = NearNotionals(kept)
        anew.contract_size = size
        anew.follow(best_bid, best_ask)

        assert following.values == anew.values
        middle = (best_ask + best_bid) / 2
        inside = [(p, q) for p, q in pairs(kept.bids.top(10**6)) if p >= middle - middle * 25 / 10_000]
        assert following.values[4] == fsum((p if size is None else size) * q for p, q in inside)


def pairs(flat: list[float]) -> list[tuple[float, float]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def test_what_was_forgotten_is_added_up_anew() -> None:
    kept = Book()
    kept.replace(BIDS, ASKS)
    following = NearNotionals(kept)
    following.follow(999.9, 1000.1)
    kept.apply([(999.9, 7.0)], [])
    kept.mark()  # without a trace
    following.forget()
    following.follow(999.9, 1000.1)

    assert following.values[0] == worth([(999.9, 7.0), (999.5, 2.0)])
    assert NearNotionals(Book()).values == NOTHING
