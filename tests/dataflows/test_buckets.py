"""Which instruments share a key: the same in each process for ever, whatever was asked before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoded import Group
from connectors.raw import RawBatch
from dataflows import buckets
from dataflows.buckets import BUCKETS, Buckets, bucket_of

NAMES = [f"binance-usdm:S{number}USDT" for number in range(2_000)]


def group(instrument: str, partition: int = 0) -> Group:
    return Group(instrument, partition, [], np.zeros((0, 2, 1, 2)), RawBatch("t"))


def test_an_instrument_keeps_its_bucket_in_every_version() -> None:
    """The state lies under it: another choice makes a restart forget."""
    assert bucket_of("binance-usdm:BTCUSDT") == "bucket 55"
    assert bucket_of("binance-spot:ETHUSDT") == "bucket 20"
    assert bucket_of("dex:ÄÖÜ€") == "bucket 35"


def test_the_instruments_of_a_venue_are_spread_over_all_buckets() -> None:
    sizes = [sum(bucket_of(name) == key for name in NAMES) for key in {bucket_of(name) for name in NAMES}]
    assert len(sizes) == BUCKETS
    assert max(sizes) < 3 * len(NAMES) / BUCKETS


@given(st.lists(st.tuples(st.sampled_from(NAMES[:100]), st.integers(0, 1)), max_size=60))
def test_a_poll_is_one_lot_for_each_bucket_with_its_groups_in_their_order(places: list[tuple[str, int]]) -> None:
    groups = [group(*place) for place in places]
    keyed = Buckets().lots(groups)

    lots = dict(keyed)
    assert len(lots) == len(keyed)
    assert {key: [*map(id, lot.items)] for key, lot in lots.items()} == {
        key: [id(some) for some in groups if bucket_of(some.instrument) == key]
        for key in {bucket_of(some.instrument) for some in groups}
    }


def test_what_is_remembered_is_bounded_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_REMEMBERED", 10)
    some = Buckets()
    for name in [*NAMES[:35], "x:" + "A" * 200, *NAMES[:35]]:
        assert some.key(name) == bucket_of(name)
        assert len(some.known) <= 10
    assert all(len(name) <= 128 for name in some.known)
