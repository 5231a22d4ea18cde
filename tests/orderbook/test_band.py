"""What is known of a full book, and what its records say of that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import COLUMNS, MeasureConfig
from orderbook.band import SNAPSHOT_LIMITS, is_cut_off
from orderbook.events import Side
from orderbook.record import LIVE, STATES, THIN
from tests.orderbook.feeds import Run, Told, pack, quote, snapshot, spot
from tests.orderbook.test_histories import told_by_recording
from tests.orderbook.venue import Venue
from tests.strategies import BROKEN, DIFFS, SNAPSHOTS, configs, scripts

DEPTH = MeasureConfig(depth_levels=3)
WHOLE_ASKS = [(101.0, 1.0)]
HONEST = tuple(what for what in BROKEN if what not in {"restart", "ahead", "hidden"})


def bids(count: int) -> Side:
    """99.0, 98.0, 97.0 ..."""
    return [(99.0 - n, 1.0) for n in range(count)]


def after(told: Side, *changes: Side, depth_levels: int = 3) -> str:
    """The last state of a book whose bids a snapshot tells, and differences change."""
    run = Run(MeasureConfig(depth_levels=depth_levels))
    run.feed(snapshot(100, told, WHOLE_ASKS))
    return run.states(*(spot(101 + n, 101 + n, change) for n, change in enumerate(changes or [[]])))[-1]


@pytest.mark.parametrize("limit", sorted(SNAPSHOT_LIMITS))
def test_a_side_with_as_many_levels_as_could_be_asked_for_was_cut_off(limit: int) -> None:
    assert is_cut_off(bids(limit), 20)
    assert is_cut_off(bids(limit), limit)
    assert not is_cut_off(bids(limit), limit + 1)
    assert not is_cut_off(bids(limit - 1), 1)
    assert not is_cut_off(bids(limit + 1), 1)


@pytest.mark.parametrize(
    ("told", "changes", "state"),
    [
        pytest.param(bids(20), [], "live", id="all in the band"),
        pytest.param(bids(19), [[(99.0 - n, 0.0) for n in range(18)]], "live", id="a whole side may be short"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(17)]], "live", id="three levels are left in the band"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(18)]], "thin", id="two are left"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(18)] + [(79.0, 1.0)]], "thin", id="the third is outside"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(18)], [(80.5, 1.0)]], "live", id="a new one inside"),
        pytest.param(bids(20), [[(80.0, 0.0), (50.0, 1.0)]], "live", id="changes far from the best"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(20)]], "one_sided", id="an empty side is told as such"),
        pytest.param(bids(20), [[(99.0 - n, 0.0) for n in range(18)] + [(102.0, 1.0)]], "crossed", id="and a crossed book"),
    ],
)  # fmt: skip
def test_a_book_is_thin_when_a_needed_level_may_be_unknown(told: Side, changes: list[Side], state: str) -> None:
    assert after(told, *changes) == state


def test_asks_have_a_band_as_well() -> None:
    run = Run(DEPTH)
    run.feed(snapshot(100, [(99.0, 1.0)], [(101.0 + n, 1.0) for n in range(20)]))
    gone = [(101.0 + n, 0.0) for n in range(17)]

    assert run.states(spot(101, 101, [], gone), spot(102, 102, [], [(118.0, 0.0)])) == ["live", "thin"]
    assert run.states(spot(103, 103, [], [(121.0, 1.0)]), spot(104, 104, [], [(120.0, 2.0), (119.5, 1.0)])) == [
        "thin",
        "live",
    ]


def test_a_book_that_was_seeded_anew_has_a_new_band() -> None:
    run = Run(DEPTH)
    gone = [(99.0 - n, 0.0) for n in range(18)]
    run.feed(
        snapshot(100, bids(20), WHOLE_ASKS), spot(101, 101, gone), spot(105, 105), snapshot(105, bids(3), WHOLE_ASKS)
    )

    assert run.states(spot(106, 106, gone[:2])) == ["live"]  # one bid, and there are no more


def test_a_thin_record_has_all_its_numbers_and_is_the_predecessor_of_the_next() -> None:
    run = Run(DEPTH)
    run.feed(snapshot(100, bids(20), [(101.0, 2.0), (102.0, 1.0)]), spot(101, 101))
    thin = run.one(spot(102, 102, [(99.0 - n, 0.0) for n in range(18)]))
    swept = run.one(spot(103, 103, [(101.0, 1.0)], [(101.0, 0.0)]))

    assert (thin["state"], thin["best_bid"], thin["mid_price"], thin["delta_volume"]) == ("thin", 81.0, 91.0, 0.0)
    assert {name for name in COLUMNS if thin[name] is None} == set()
    assert (swept["delta_volume"], swept["delta_events"]) == (2.0, 1)


def test_a_best_price_outside_of_the_band_is_not_held_against_quotes() -> None:
    run = Run(DEPTH)
    run.feed(snapshot(100, bids(20), WHOLE_ASKS), spot(101, 101), quote(101, 99.0, 1.0, 101.0, 1.0))
    run.feed(spot(102, 102, [(99.0 - n, 0.0) for n in range(19)]), quote(102, 80.0, 1.0, 101.0, 1.0))
    run.feed(
        spot(103, 103, [(80.0, 0.0), (70.0, 1.0)]), quote(103, 75.0, 9.0, 101.0, 1.0), quote(104, 1.0, 1.0, 2.0, 1.0)
    )

    assert run.quotes == (1, 0)  # of 102


@settings(max_examples=80)
@given(st.data(), configs, st.booleans())
def test_a_live_record_holds_the_true_levels_although_snapshots_were_cut_off(
    data: st.DataObject, config: MeasureConfig, futures: bool
) -> None:
    venue = Venue(futures=futures, deep=True)
    told: list[Told] = venue.perform(data.draw(scripts(*DIFFS, *SNAPSHOTS, *HONEST, max_size=30)))
    truth = {update_id: sides for update_id, *sides in venue.history}
    measured = Run(config).measurer.feed(*pack(told))

    for row, book in zip(measured.rows, measured.books.tolist(), strict=True):
        assert row.update_id is not None
        if row.state == LIVE:
            known = [[(price, quantity) for price, quantity in side if price] for side in book]
            assert known == [side[: config.depth_levels] for side in truth[row.update_id]]


def test_levels_that_were_cut_away_are_no_longer_known() -> None:
    run = Run(MeasureConfig(depth_levels=3, book_levels=4))
    run.feed(snapshot(100, bids(5), WHOLE_ASKS))

    assert run.states(spot(101, 101), spot(102, 102, [(100.0, 1.0)])) == ["live", "live"]
    gone = [(100.0 - n, 0.0) for n in range(2)]
    assert run.states(spot(103, 103, gone), spot(104, 104, [(96.5, 1.0)])) == ["thin", "thin"]
    assert run.states(spot(105, 105, [(97.5, 1.0)])) == ["live"]


def states_of(told: list[Told], config: MeasureConfig) -> Counter[str]:
    return Counter(STATES[row.state] for row in Run(config).measurer.feed(*pack(told)).rows)


def test_a_market_that_moves_away_becomes_thin() -> None:
    gone = [spot(101 + n, 101 + n, [(99.0 - n, 0.0)]) for n in range(19)]

    assert states_of([snapshot(100, bids(20), WHOLE_ASKS), *gone], DEPTH) == {"live": 17, "thin": 2}
    assert STATES[THIN] == "thin"


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("file", "thin"),
    [
        ("dev/spot_btcusdt_20240808.gz", 26),
        ("dev/spot_ethusdt_20240808.gz", 0),
        ("dev/usdm_btcusdt_20240808.gz", 1070),
        ("dev/usdm_ethusdt_20240808.gz", 0),
    ],
)
def test_thin_records_of_recorded_markets(recordings: Path, file: str, thin: int) -> None:
    [told] = told_by_recording(recordings / file).values()
    states = states_of(told, MeasureConfig())

    assert states["thin"] == thin
    assert states["live"] > 3_000
