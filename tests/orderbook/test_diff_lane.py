"""A full book's life: how it is seeded and joined, what breaks it, and what each message is recorded as."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orderbook import Diff
from orderbook.diff_lane import MAX_WAITING
from orderbook.events import Side
from tests.orderbook.feeds import Levels, Run, Told, futures, snapshot, spot

BIDS: Side = [(99.0, 1.0)]
ASKS: Side = [(101.0, 2.0)]
SEED = snapshot(100, BIDS, ASKS)
LATER = 200_000

RULES = pytest.mark.parametrize("rules", ["spot", "futures"])


def diff(rules: str, first: int, last: int, bids: Levels = (), asks: Levels = (), *, ms: int = 1) -> Diff:
    """A difference that follows the one that ended at ``first - 1``, by either rules."""
    if rules == "spot":
        return spot(first, last, bids, asks, ms=ms)
    return futures(first - 1, first, last, bids, asks, ms=ms)


def live(rules: str) -> Run:
    """A run whose book is live at id 110."""
    run = Run()
    assert run.states(SEED, diff(rules, 101, 110)) == ["snapshot", "live"]
    return run


@RULES
def test_differences_before_any_snapshot_are_records_that_wait(rules: str) -> None:
    run = Run()

    assert run.states(diff(rules, 91, 95), diff(rules, 96, 100)) == ["resyncing"] * 2
    assert run.one(diff(rules, 101, 105))["best_bid"] is None


@RULES
def test_the_first_seeding_is_no_gap(rules: str) -> None:
    run = Run()
    run.feed(diff(rules, 96, 98), diff(rules, 99, 103), SEED)

    record = run.one(diff(rules, 104, 105))
    assert (record["state"], record["gaps"]) == ("live", 0)


@RULES
def test_what_waited_is_applied_when_the_snapshot_comes(rules: str) -> None:
    run = Run()
    run.feed(diff(rules, 91, 98, [(98.0, 7.0)]), diff(rules, 99, 103, [(99.5, 4.0)]), SEED)

    record = run.one(diff(rules, 104, 105))
    assert (record["best_bid"], record["best_bid_quantity"]) == (99.5, 4.0)
    assert record["bid_volume"] == 5.0  # 98.0 was part of a difference that the snapshot is newer than


@RULES
def test_a_snapshot_that_is_older_than_all_that_waits_is_of_no_use(rules: str) -> None:
    run = Run()

    assert run.states(diff(rules, 111, 115), SEED, diff(rules, 116, 120)) == ["resyncing", "snapshot", "resyncing"]
    assert run.states(snapshot(112, BIDS, ASKS), diff(rules, 121, 125)) == ["snapshot", "live"]


@RULES
def test_a_snapshot_that_overtook_the_stream_waits_for_the_stream(rules: str) -> None:
    run = Run()
    told: list[Told] = [
        diff(rules, 81, 85),
        SEED,
        diff(rules, 86, 95),
        diff(rules, 96, 99),
        diff(rules, 100, 104),
        diff(rules, 105, 106),
    ]

    assert run.states(*told) == ["resyncing", "snapshot", "stale", "stale", "live", "live"]
    assert run.notices == {}


def test_a_spot_difference_that_ends_at_the_snapshot_is_stale_and_a_futures_one_joins() -> None:
    assert Run().states(SEED, spot(95, 100)) == ["snapshot", "stale"]
    assert Run().states(SEED, futures(94, 95, 100)) == ["snapshot", "live"]


@RULES
def test_a_snapshot_that_is_too_old_for_the_stream_leaves_it_waiting_without_a_gap(rules: str) -> None:
    run = Run()

    assert run.states(SEED, diff(rules, 103, 105), diff(rules, 106, 107)) == ["snapshot", "resyncing", "resyncing"]
    assert run.one(diff(rules, 108, 109))["gaps"] == 0
    assert run.states(snapshot(107, BIDS, ASKS), diff(rules, 110, 111)) == ["snapshot", "live"]


@RULES
def test_a_second_snapshot_replaces_one_that_has_not_been_joined(rules: str) -> None:
    run = Run()
    run.feed(SEED, snapshot(102, [(98.0, 1.0)], ASKS), snapshot(101, [(97.0, 1.0)], ASKS))

    assert run.one(diff(rules, 103, 104))["best_bid"] == 98.0


@RULES
def test_a_snapshot_that_is_older_than_the_seed_of_a_live_book_changes_nothing(rules: str) -> None:
    run = live(rules)
    before = run.measurer.state()
    run.feed(snapshot(99, [(1.0, 1.0)], [(2.0, 1.0)]), snapshot(90, [(1.0, 1.0)], [(2.0, 1.0)]))
    assert run.measurer.state() == before
    assert run.notices == {"audit_skipped": 2}

    record = run.one(diff(rules, 111, 112))
    assert (record["state"], record["best_bid"], record["gaps"]) == ("live", 99.0, 0)


@RULES
def test_the_message_that_reveals_a_gap_is_itself_resyncing(rules: str) -> None:
    run = live(rules)
    record = run.one(diff(rules, 112, 113, [(99.5, 1.0)]))

    assert (record["state"], record["gaps"], record["best_bid"]) == ("resyncing", 1, None)
    assert run.notices == {"gap": 1}


@RULES
def test_after_a_gap_a_new_snapshot_makes_the_book_live_again(rules: str) -> None:
    run = live(rules)
    run.feed(diff(rules, 112, 113, [(99.5, 1.0)]), snapshot(112, [(98.0, 1.0)], ASKS))

    record = run.one(diff(rules, 114, 115))
    assert (record["state"], record["gaps"], record["best_bid"]) == ("live", 1, 99.5)


@RULES
def test_the_snapshot_from_before_a_gap_is_of_no_use_after_it(rules: str) -> None:
    run = live(rules)

    assert run.states(diff(rules, 115, 116), SEED, diff(rules, 117, 118)) == ["resyncing", "snapshot", "resyncing"]


@RULES
def test_a_snapshot_newer_than_a_live_book_is_used_at_the_next_break(rules: str) -> None:
    run = live(rules)
    run.feed(snapshot(120, [(98.0, 3.0)], ASKS))

    assert run.one(diff(rules, 111, 112))["best_bid"] == 99.0
    record = run.one(diff(rules, 119, 125) if rules == "spot" else futures(118, 119, 125))
    assert (record["state"], record["gaps"], record["best_bid"]) == ("live", 1, 98.0)


@RULES
def test_a_newer_snapshot_that_the_stream_has_passed_is_of_no_use(rules: str) -> None:
    run = live(rules)

    told: list[Told] = [snapshot(120, BIDS, ASKS), diff(rules, 111, 130), diff(rules, 140, 150), diff(rules, 151, 160)]
    assert run.states(*told) == ["snapshot", "live", "resyncing", "resyncing"]


@RULES
def test_a_newer_snapshot_that_covers_the_revealing_message_waits_for_the_next(rules: str) -> None:
    run = live(rules)

    told: list[Told] = [
        snapshot(150, [(98.0, 3.0)], ASKS),
        diff(rules, 120, 130),
        diff(rules, 131, 149),
        diff(rules, 150, 152),
    ]
    assert run.states(*told) == ["snapshot", "resyncing", "stale", "live"]
    assert run.one(diff(rules, 153, 154))["gaps"] == 1


@RULES
def test_repeated_differences_are_stale_and_leave_the_book_live(rules: str) -> None:
    run = live(rules)

    told: list[Told] = [diff(rules, 111, 112), diff(rules, 111, 112), diff(rules, 101, 110), diff(rules, 113, 114)]
    assert run.states(*told) == ["live", "stale", "stale", "live"]
    assert run.notices == {}


@RULES
def test_repeated_differences_are_stale_while_they_wait_too(rules: str) -> None:
    run = Run()

    assert run.states(diff(rules, 91, 95), diff(rules, 91, 95)) == ["resyncing", "stale"]


@RULES
def test_a_gap_among_waiting_differences_counts_and_drops_those_before_it(rules: str) -> None:
    run = Run()
    run.feed(diff(rules, 91, 95), diff(rules, 101, 105, [(99.5, 1.0)]), snapshot(94, BIDS, ASKS))

    assert run.one(diff(rules, 106, 107))["state"] == "resyncing"
    assert run.notices == {"gap": 1}


def test_spot_differences_may_overlap() -> None:
    assert live("spot").states(spot(105, 112), spot(111, 114)) == ["live", "live"]


def test_a_futures_chain_holds_by_the_previous_id_alone() -> None:
    assert live("futures").states(futures(110, 131, 140), futures(139, 141, 142)) == ["live", "resyncing"]


@RULES
def test_the_gap_count_rises_with_each_break(rules: str) -> None:
    run = live(rules)
    gaps = []
    for last in (200, 300, 400):
        gaps.append(run.one(diff(rules, last, last + 1))["gaps"])
        run.feed(snapshot(last + 1, BIDS, ASKS))
        assert run.one(diff(rules, last + 2, last + 3))["state"] == "live"

    assert gaps == [1, 2, 3]


@RULES
def test_a_resync_forgets_the_predecessor_and_keeps_the_window(rules: str) -> None:
    run = live(rules)
    swept = run.one(diff(rules, 111, 112, [(101.0, 1.0)], [(101.0, 0.0), (102.0, 1.0)]))
    lost = run.one(diff(rules, 120, 121))
    run.feed(snapshot(121, [(110.0, 1.0)], [(111.0, 1.0)]))
    again = run.one(diff(rules, 122, 123))
    next_event = run.one(diff(rules, 124, 125, [(111.0, 1.0)], [(111.0, 0.0), (112.0, 1.0)]))

    assert (swept["delta_volume"], swept["delta_events"]) == (2.0, 1)
    assert (lost["delta_volume"], lost["delta_events"]) == (None, 1)
    assert (again["delta_volume"], again["delta_events"]) == (2.0, 1)
    assert (next_event["delta_volume"], next_event["delta_events"]) == (3.0, 2)


@RULES
def test_a_resync_within_one_message_forgets_the_predecessor_too(rules: str) -> None:
    run = live(rules)
    run.feed(snapshot(120, [(110.0, 1.0)], [(111.0, 1.0)]))
    record = run.one(diff(rules, 119, 125) if rules == "spot" else futures(118, 119, 125))

    assert (record["state"], record["delta_events"]) == ("live", 0)


@RULES
def test_ids_that_go_back_within_a_minute_are_stale(rules: str) -> None:
    run = live(rules)

    assert run.states(diff(rules, 1, 5, ms=60_001)) == ["stale"]
    assert run.notices == {}


@RULES
def test_ids_that_go_back_after_more_than_a_minute_are_the_venues_restart(rules: str) -> None:
    run = live(rules)

    told: list[Told] = [diff(rules, 1, 5, ms=60_002), snapshot(3, BIDS, ASKS), diff(rules, 6, 7, ms=60_003)]
    assert run.states(*told) == ["resyncing", "snapshot", "live"]
    assert run.notices == {"gap": 1, "id_reset": 1}


@RULES
def test_a_snapshot_from_before_the_restart_does_not_outlive_it(rules: str) -> None:
    run = live(rules)
    run.feed(snapshot(500, BIDS, ASKS), diff(rules, 1, 5, ms=LATER))

    assert run.states(diff(rules, 6, 7, ms=LATER)) == ["resyncing"]


@RULES
def test_the_clock_of_a_difference_without_event_time_is_its_receipt(rules: str) -> None:
    run = live(rules)
    received = diff(rules, 111, 112)._replace(event_time_ms=None, receive_time_ns=5_000_000)
    early = diff(rules, 1, 5)._replace(event_time_ms=None, receive_time_ns=60_005_000_000)
    late = diff(rules, 1, 5)._replace(event_time_ms=None, receive_time_ns=None, timestamp_ms=60_006)

    assert run.states(received, early, late) == ["live", "stale", "resyncing"]


@RULES
def test_a_removal_of_a_price_that_nobody_knows_is_normal(rules: str) -> None:
    record = live(rules).one(diff(rules, 111, 112, [(5.0, 0.0)], [(500.0, 0.0)]))

    assert (record["state"], record["bid_volume"], record["ask_volume"]) == ("live", 1.0, 2.0)


@RULES
def test_a_book_that_was_emptied_is_empty_not_lost(rules: str) -> None:
    record = live(rules).one(diff(rules, 111, 112, [(99.0, 0.0)], [(101.0, 0.0)]))

    assert (record["state"], record["bid_notional"]) == ("empty", 0.0)


@RULES
def test_a_long_wait_keeps_the_newest_differences_only(rules: str) -> None:
    told: list[Told] = [diff(rules, n, n) for n in range(1, MAX_WAITING + 3)]
    too_old, just_right = Run(), Run()
    too_old.feed(*told, snapshot(1, BIDS, ASKS))
    just_right.feed(*told, snapshot(2, BIDS, ASKS))
    following = diff(rules, MAX_WAITING + 3, MAX_WAITING + 3)

    assert too_old.one(following)["state"] == "resyncing"
    assert just_right.one(following)["state"] == "live"


@RULES
def test_a_snapshot_that_can_never_be_used_is_not_carried_in_the_state(rules: str) -> None:
    many = [(99.0 - n / 100, 1.0) for n in range(1_000)]
    passed, missed = Run(), Run()
    for run in (passed, missed):
        run.feed(snapshot(100, many, ASKS), diff(rules, 101, 110))
    plain = len(passed.measurer.state())

    passed.feed(snapshot(120, many, ASKS))
    carried = len(passed.measurer.state())
    passed.feed(diff(rules, 111, 125))
    missed.feed(snapshot(120, many, ASKS), diff(rules, 140, 150))

    assert carried - plain > 16_000
    assert len(passed.measurer.state()) - plain < 100
    assert len(missed.measurer.state()) < 1_000


@RULES
def test_sequence_numbers_of_records_have_no_hole(rules: str) -> None:
    run = live(rules)
    run.feed(diff(rules, 120, 121), diff(rules, 120, 121), snapshot(121), diff(rules, 122, 123), diff(rules, 124, 125))

    numbers = [record["seq"] for record in run.feed(diff(rules, 126, 127), diff(rules, 128, 129))]
    assert [b - a for a, b in pairwise(numbers)] == [1]
    assert numbers[0] == 5
