"""Full books against later snapshots: what is compared, what is repaired, and what that does to records."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig
from orderbook.audit import MAX_RECENT, MAX_RECENT_LEVELS, BookAudit
from orderbook.events import Side
from orderbook.record import LIVE
from tests.orderbook.feeds import Run, Told, futures, pack, snapshot, spot
from tests.orderbook.venue import Change, Step, Venue
from tests.strategies import BROKEN, DIFFS, SNAPSHOTS, scripts

BIDS: Side = [(99.0, 1.0), (98.0, 2.0)]
ASKS: Side = [(101.0, 1.0), (102.0, 2.0)]
NOTHING = Change(0, ())


def live(config: MeasureConfig | None = None) -> Run:
    """A run whose book is BIDS and ASKS, live at 105; it was seeded at 100."""
    run = Run(config)
    assert run.states(snapshot(100, BIDS, ASKS), spot(101, 105)) == ["snapshot", "live"]
    return run


def sides(run: Run) -> tuple[Side, Side]:
    """The levels of the book, as its next record has them."""
    [row] = run.measurer.feed(*pack([spot(106, 200)])).books.tolist()
    bids, asks = ([(price, quantity) for price, quantity in side if price] for side in row)
    return bids, asks


def test_a_snapshot_that_agrees_changes_nothing() -> None:
    run = live()
    before = run.measurer.state()
    run.feed(snapshot(105, BIDS, ASKS))

    assert run.measurer.state() == before
    assert run.audits == [BookAudit(4, 4, changed=False)]
    assert run.audits[0].match_pct == 100.0
    assert run.notices == {"audit": 1}


def test_levels_that_differ_are_replaced() -> None:
    run = live()
    run.feed(snapshot(105, [(99.0, 1.0), (97.0, 2.0)], [(101.0, 5.0), (102.0, 2.0)]))

    assert run.audits == [BookAudit(5, 2, changed=True)]  # equal are 99.0 and 102.0, not 98.0, 97.0 and 101.0
    assert run.audits[0].match_pct == 40.0
    assert run.notices == {"audit": 1, "audit_repaired": 1}
    assert sides(run) == ([(99.0, 1.0), (97.0, 2.0)], [(101.0, 5.0), (102.0, 2.0)])


def test_two_empty_books_are_equal() -> None:
    run = Run()
    run.feed(snapshot(100), spot(101, 105), snapshot(105))

    assert run.audits == [BookAudit(0, 0, changed=False)]
    assert run.audits[0].match_pct == 100.0


@pytest.mark.parametrize("at", [101, 103, 104, 106, 108, 110])
def test_an_older_snapshot_is_brought_forward_by_what_was_told_since(at: int) -> None:
    """98.0 became 5.0 at 103, 7.0 at 107 and was taken away at 109; 103 and 109 lie inside of differences."""
    run = Run()
    told: list[Told] = [
        spot(102, 104, [(98.0, 5.0)]),
        spot(105, 108, [(98.0, 7.0)]),
        spot(109, 110, [(98.0, 0.0), (97.0, 1.0)], [(103.0, 3.0)]),
    ]
    run.feed(snapshot(100, BIDS, ASKS), spot(101, 101), *told)
    then = next(quantity for since, quantity in ((109, 0.0), (107, 7.0), (103, 5.0), (0, 2.0)) if at >= since)
    later = at == 110
    bids = [(99.0, 1.0), *([(98.0, then)] if then else []), *([(97.0, 1.0)] if later else [])]

    run.feed(snapshot(at, bids, [*ASKS, (103.0, 3.0)] if later else ASKS))

    assert run.audits == [BookAudit(5, 5, changed=False)]


def test_levels_that_a_difference_names_are_newer_than_a_snapshot_inside_of_it() -> None:
    run = Run()
    run.feed(snapshot(100, BIDS, ASKS), futures(100, 101, 110, [(98.0, 5.0)]))
    run.feed(snapshot(105, [(99.0, 1.0), (98.0, 3.0)], ASKS))

    assert run.audits == [BookAudit(4, 4, changed=False)]


def test_a_snapshot_older_than_what_is_kept_is_skipped() -> None:
    run = live()
    run.feed(*(spot(n, n) for n in range(106, 106 + MAX_RECENT)))
    before = run.measurer.state()
    run.feed(snapshot(104, [(1.0, 1.0)], []))
    assert (run.notices, run.measurer.state()) == ({"audit_skipped": 1}, before)

    run.feed(snapshot(105, BIDS, ASKS))
    assert run.notices == {"audit_skipped": 1, "audit": 1}


def test_of_large_differences_fewer_are_kept_and_the_newest_always() -> None:
    many = ladder(90_000.0, MAX_RECENT_LEVELS // 2, 0.0)
    run = live()
    run.feed(spot(106, 110, many), spot(111, 120, many), snapshot(105, BIDS, ASKS))
    assert run.notices == {"audit": 1}

    run.feed(spot(121, 130, [(1.0, 0.0)]), snapshot(109, BIDS, ASKS), snapshot(110, BIDS, ASKS))
    assert run.notices == {"audit": 2, "audit_skipped": 1}

    run.feed(spot(131, 140, [*many, *many, (1.0, 0.0)]), snapshot(129, BIDS, ASKS), snapshot(130, BIDS, ASKS))
    assert run.notices == {"audit": 3, "audit_skipped": 2}
    assert {audit.match_pct for audit in run.audits} == {100.0}


def test_a_snapshot_from_before_the_seed_is_skipped() -> None:
    run = live()
    run.feed(snapshot(99, [(1.0, 1.0)], []))

    assert run.notices == {"audit_skipped": 1}
    assert sides(run) == (BIDS, ASKS)


def test_a_newer_snapshot_is_audited_when_the_stream_has_passed_it() -> None:
    run = live()
    run.feed(snapshot(108, [(99.0, 1.0), (98.0, 9.0)], ASKS), spot(106, 107))
    assert run.audits == []

    record = run.one(spot(108, 110, [(99.0, 3.0)]))
    assert run.audits == [BookAudit(4, 3, changed=True)]
    assert (record["state"], record["bid_volume"]) == ("live", 12.0)


def test_a_newer_snapshot_that_another_replaces_is_counted_as_skipped() -> None:
    run = live()
    run.feed(snapshot(108, BIDS, ASKS), snapshot(109, BIDS, ASKS), spot(106, 110))

    assert run.notices == {"audit_skipped": 1, "audit": 1}


def test_a_snapshot_while_the_book_waits_is_no_audit() -> None:
    run = Run()
    run.feed(spot(101, 105), snapshot(90, BIDS, ASKS), snapshot(102, BIDS, ASKS), spot(106, 107))
    before_joining = Run()
    before_joining.feed(snapshot(100, BIDS, ASKS), snapshot(99, [], []), snapshot(100, [], []), spot(101, 105))

    assert run.notices == before_joining.notices == {}
    assert sides(before_joining)[0] == BIDS


def test_what_was_repaired_is_no_event() -> None:
    """A ghost ask at 101.0 is removed, and the bid that the market has quoted above it is believed."""
    run = live()
    run.feed(snapshot(105, [(101.5, 1.0)], [(102.0, 2.0)]))
    repaired = run.one(spot(106, 107))
    swept = run.one(spot(108, 109, [(102.0, 1.0)], [(102.0, 0.0), (103.0, 1.0)]))

    assert (repaired["delta_events"], repaired["best_bid"]) == (0, 101.5)
    assert (swept["delta_volume"], swept["delta_events"]) == (2.0, 1)


def test_an_audit_that_changed_nothing_keeps_the_predecessor() -> None:
    run = live()
    run.feed(snapshot(105, BIDS, ASKS))

    assert run.one(spot(106, 107, [(101.0, 1.0)], [(101.0, 0.0)]))["delta_volume"] == 1.0


def ladder(first: float, count: int, quantity: float = 1.0) -> Side:
    """Bids: ``count`` levels from ``first`` downwards."""
    return [(first - n, quantity) for n in range(count)]


def test_only_what_both_know_is_compared_and_the_deeper_band_stays() -> None:
    config = MeasureConfig(depth_levels=3)
    run = Run(config)
    run.feed(snapshot(100, ladder(99.0, 20), ASKS), spot(101, 105, [*ladder(99.0, 15, 0.0), (70.0, 4.0)]))
    # Known are 84 .. 80, and 70 was told since. The snapshot knows 84 .. 64, and nothing of 70.
    run.feed(snapshot(105, [(p, q) for p, q in ladder(84.0, 21) if p != 70.0], ASKS))
    assert run.audits == [BookAudit(7, 7, changed=True)]

    assert run.states(spot(106, 107, ladder(84.0, 15, 0.0)), spot(108, 109, ladder(69.0, 4, 0.0))) == ["live", "thin"]


def test_what_lies_beyond_a_shallower_snapshot_stays_as_it_is() -> None:
    run = Run(MeasureConfig(depth_levels=3))
    run.feed(snapshot(100, ladder(99.0, 50), ASKS), spot(101, 105), snapshot(105, ladder(99.0, 20, 2.0), ASKS))
    assert run.audits == [BookAudit(22, 2, changed=True)]

    assert run.states(spot(106, 107, ladder(99.0, 47, 0.0)), spot(108, 108, [(52.0, 0.0)])) == ["live", "thin"]


@pytest.mark.parametrize("count", [5, 10, 20])
def test_a_snapshot_of_few_levels_does_not_speak_of_what_lies_beyond(count: int) -> None:
    run = Run(MeasureConfig(depth_levels=50))
    run.feed(snapshot(100, ladder(99.0, 70), ASKS), spot(101, 105), snapshot(105, ladder(99.0, count), ASKS))

    assert run.audits == [BookAudit(count + 2, count + 2, changed=False)]


def test_a_thin_book_is_live_again_after_a_snapshot() -> None:
    run = Run(MeasureConfig(depth_levels=3))
    run.feed(snapshot(100, ladder(99.0, 20), ASKS))

    told: list[Told] = [spot(101, 105, ladder(99.0, 18, 0.0)), snapshot(105, ladder(81.0, 20), ASKS), spot(106, 107)]
    assert run.states(*told) == ["thin", "snapshot", "live"]


@settings(max_examples=80)
@given(st.data(), st.booleans(), st.booleans(), st.integers(0, 4))
def test_a_book_is_true_after_an_honest_snapshot_whatever_was_before(
    data: st.DataObject, is_futures: bool, deep: bool, late: int
) -> None:
    venue = Venue(futures=is_futures, deep=deep)
    rotting = [what for what in BROKEN if what not in {"restart", "ahead"}]
    script = data.draw(scripts(*DIFFS, *SNAPSHOTS, *rotting, max_size=30))
    quiet = [Step("diff", NOTHING)] * late
    told = venue.perform([*script, *quiet, Step("snapshot", NOTHING), *quiet, Step("diff", NOTHING, 9)])
    truth = {update_id: sides for update_id, *sides in venue.history}
    measured = Run(MeasureConfig(depth_levels=3)).measurer.feed(*pack(told))

    row, book = measured.rows[-1], measured.books[-1].tolist()
    if row.state == LIVE:
        assert row.update_id is not None
        assert [[(p, q) for p, q in side if p] for side in book] == [side[:3] for side in truth[row.update_id]]
