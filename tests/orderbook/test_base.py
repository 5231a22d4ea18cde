"""A state that is relative to a base is the state, wherever bases are taken and restarts happen."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig, Measurer
from orderbook.audit import MAX_RECENT
from orderbook.base import MAX_TOLD
from orderbook.codec import StateError
from simulator import Dirt, default_instruments, simulate
from tests.orderbook.feeds import Run, Told, book, snapshot, spot
from tests.orderbook.test_histories import raw_of, told_by
from tests.strategies import FEEDS, configs

LADDER = [(99.0 - n / 8, 1.0) for n in range(600)], [(101.0 + n / 8, 1.0) for n in range(600)]


class Kept(Run):
    """A run whose state is kept as the job keeps it: a base now and then, and what changed since."""

    base = b""
    whole = relative = 0

    def rebase(self) -> None:
        self.base = self.measurer.base()

    def stored(self) -> bytes:
        changes, needs_base = self.measurer.changes()
        self.relative += needs_base
        self.whole += not needs_base
        return changes + self.base if needs_base else changes

    def restart(self) -> None:
        self.measurer = Measurer(self.config, self.stored())


@pytest.mark.parametrize("kind", FEEDS)
@settings(max_examples=15)
@given(data=st.data(), config=configs)
def test_neither_bases_nor_restarts_show(kind: str, data: st.DataObject, config: MeasureConfig) -> None:
    told: list[Told] = data.draw(FEEDS[kind])
    bases, restarts = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    whole, kept = Run(config), Kept(config)
    whole.feed(*told)
    for number, item in enumerate(told):
        kept.feed(item)
        if number % bases == 0:
            kept.rebase()
        if number % restarts == 0:
            kept.restart()

    assert kept.encoded == whole.encoded
    assert (kept.ignored, kept.notices) == (whole.ignored, whole.notices)
    assert (kept.quotes, kept.audits) == (whole.quotes, whole.audits)
    assert kept.measurer.state() == whole.measurer.state()


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_market_full_of_gaps_and_audits_they_do_not_show(seed: int) -> None:
    instrument = dataclasses.replace(default_instruments(3)[2], audit_every_s=1)
    dirt = Dirt(gap_pct=1.0, duplicate_pct=5.0, reorder_pct=2.0, skew_ms=80)
    [told] = told_by([raw_of(simulate([instrument], seconds=20, seed=seed, dirt=dirt))]).values()
    config = MeasureConfig(book_levels=900)  # so that the far end is cut off
    whole, kept = Run(config), Kept(config)
    whole.feed(*told)
    for number, item in enumerate(told):
        kept.feed(item)
        if number % 300 == 0:
            kept.rebase()
        if number % 7 == 0:
            kept.restart()

    assert kept.encoded == whole.encoded
    assert (kept.notices, kept.audits) == (whole.notices, whole.audits)
    assert kept.relative > 100
    assert kept.whole > 100


def test_a_state_tells_what_changed_since_its_base_and_what_audits_need() -> None:
    run = Kept()
    run.feed(snapshot(10, *LADDER), spot(11, 11, [(98.0, 2.0)]))
    assert not run.measurer.changes()[1], "no base was taken yet"
    assert len(run.stored()) > 2 * 1_200
    run.rebase()
    run.feed(*(spot(n, n, [(98.0, float(n)), (97.0, 0.0)]) for n in range(12, 12 + 2 * MAX_RECENT)))

    changes, needs_base = run.measurer.changes()
    assert needs_base
    assert len(changes) < 900
    assert len(run.base) > 2 * 1_200
    expected = run.measurer.state()
    run.restart()
    assert run.measurer.state() == expected
    assert run.measurer.changes() == (changes, True)


@pytest.mark.parametrize("since", [0, 1, MAX_RECENT - 1, MAX_RECENT, MAX_RECENT + 1, 3 * MAX_RECENT])
def test_what_audits_need_is_in_the_base_or_in_what_changed_since(since: int) -> None:
    """A snapshot that is as old as audits can take, after a restart: all of the differences since are needed."""
    last = 2 * MAX_RECENT + since
    bids, asks = [(99.0 - n / 8, 1.0) for n in range(150)], [(101.0, 1.0)]
    told = [spot(n, n, [(bids[n * 7 % 150][0], float(n))]) for n in range(1, last + 1)]
    book_then = dict(bids)
    for diff in told[: last - MAX_RECENT]:
        book_then.update(diff.bids)
    audited = snapshot(last - MAX_RECENT, book_then.items(), asks)
    whole, kept = Run(), Kept()
    for run in (whole, kept):
        run.feed(snapshot(0, bids, asks), *told[: last - since])
    kept.rebase()
    for run in (whole, kept):
        run.feed(*told[last - since :])
    kept.restart()
    for run in (whole, kept):
        run.feed(audited, spot(last + 1, last + 1))

    assert kept.audits == whole.audits
    assert [(audit.equal, audit.changed) for audit in kept.audits] == [(len(bids) + 1, False)]
    assert kept.measurer.state() == whole.measurer.state()


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param([snapshot(20, *LADDER), spot(40, 40), snapshot(50, *LADDER)], id="another_seed"),
        pytest.param([snapshot(11, [(99.0, 7.0)], [(101.0, 1.0)])], id="an_audit_that_repairs"),
        pytest.param([spot(12, 12, [(98.9 - n / 16, 1.0) for n in range(400)])], id="a_cut_at_the_far_end"),
    ],
)
def test_a_base_ends_when_levels_change_otherwise(ends: list[Told]) -> None:
    config = MeasureConfig(book_levels=600)
    run = Kept(config)
    run.feed(snapshot(10, *LADDER), spot(11, 11, [(98.0, 2.0)]))
    run.rebase()
    assert run.measurer.changes()[1]
    run.feed(*ends)
    assert not run.measurer.changes()[1]
    expected = run.measurer.state()
    run.restart()
    assert run.measurer.state() == expected
    run.rebase()
    assert run.measurer.changes()[1]


def test_a_base_ends_when_more_was_told_since_than_a_state_should_hold() -> None:
    run = Kept()
    run.feed(snapshot(10, *LADDER), spot(11, 11))
    run.rebase()
    seen: Counter[bool] = Counter()
    for number in range(12, 12 + 2 * MAX_TOLD // 200):
        prices = [50.0 + (number * 200 + n) / 1e6 for n in range(200)]
        run.feed(spot(number, number, [*((price, 1.0) for price in prices), *((price, 0.0) for price in prices)]))
        seen[run.measurer.changes()[1]] += 1
    assert seen[True] > 50
    assert seen[False] > 5


def test_a_base_that_is_missing_or_of_another_time_is_refused() -> None:
    run = Kept()
    run.feed(snapshot(10, *LADDER), spot(11, 11))
    run.rebase()
    old = run.base
    run.rebase()
    changes, _ = run.measurer.changes()
    for behind in (b"", old, run.base[:-1], run.base + b"\0"):
        with pytest.raises(StateError, match="expected"):
            Measurer(run.config, changes + behind)


def test_without_a_full_book_there_is_no_base() -> None:
    run = Run()
    run.feed(book([(99.0, 1.0)], [(101.0, 1.0)], 5))
    assert run.measurer.base() == b""
    assert run.measurer.changes() == (run.measurer.state(), False)
