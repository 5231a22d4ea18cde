"""Binance's rules, line by line: which difference is old, which joins a snapshot, which follows.

Spot: "Drop any event where u is <= lastUpdateId in the snapshot. The first processed event should have U <=
lastUpdateId+1 AND u >= lastUpdateId+1. Each new event's U should be equal to the previous event's u+1."
Futures: "Drop any event where u is < lastUpdateId in the snapshot. The first processed event should have U <=
lastUpdateId AND u >= lastUpdateId. Each new event's pu should be equal to the previous event's u."
"""

from __future__ import annotations

import pytest

from orderbook import Diff
from orderbook.sequence import follows, joins_snapshot, older_than_snapshot
from tests.orderbook.feeds import futures, spot

AT = 100
"""Id of the snapshot, or of the difference before."""


@pytest.mark.parametrize(
    ("diff", "old"),
    [
        (spot(90, 99), True),
        (spot(90, 100), True),
        (spot(90, 101), False),
        (spot(101, 101), False),
        (futures(89, 90, 99), True),
        (futures(89, 90, 100), False),
        (futures(89, 90, 101), False),
    ],
)
def test_what_a_snapshot_holds_already_is_old(diff: Diff, old: bool) -> None:
    assert older_than_snapshot(diff, AT) is old


@pytest.mark.parametrize(
    ("diff", "joins"),
    [
        (spot(90, 101), True),
        (spot(100, 105), True),
        (spot(101, 105), True),
        (spot(102, 105), False),
        (futures(89, 90, 100), True),
        (futures(89, 90, 105), True),
        (futures(99, 100, 105), True),
        (futures(100, 101, 105), True),
        (futures(100, 103, 105), True),
        (futures(101, 102, 105), False),
        (futures(0, 101, 105), False),
    ],
)
def test_the_first_difference_must_reach_back_to_the_snapshot(diff: Diff, joins: bool) -> None:
    assert joins_snapshot(diff, AT) is joins


@pytest.mark.parametrize(
    ("diff", "follow"),
    [
        (spot(101, 101), True),
        (spot(101, 105), True),
        (spot(95, 105), True),
        (spot(102, 105), False),
        (futures(100, 101, 105), True),
        (futures(100, 104, 105), True),
        (futures(99, 100, 105), False),
        (futures(101, 102, 105), False),
    ],
)
def test_each_difference_must_start_where_the_one_before_ended(diff: Diff, follow: bool) -> None:
    assert follows(diff, AT) is follow
