"""Cut the input anywhere, stop and restore anywhere: not one byte of the output changes."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig, Measurer
from orderbook.codec import STATE_TAG, StateError
from tests.orderbook.feeds import COINM, SPOT, Run, Told, book, futures, pack, quote, snapshot, spot, trade
from tests.strategies import FEEDS, configs, mixed_feeds


@pytest.mark.parametrize("kind", FEEDS)
@settings(max_examples=60)
@given(data=st.data(), config=configs, instrument=st.sampled_from((SPOT, COINM)))
def test_batches_and_restarts_never_show_in_the_output(
    kind: str, data: st.DataObject, config: MeasureConfig, instrument: str
) -> None:
    told: list[Told] = data.draw(FEEDS[kind])
    at = st.integers(0, len(told))
    cuts = data.draw(st.lists(st.tuples(at, st.booleans(), st.integers(0, 3)), max_size=8).map(sorted))
    whole, pieces, done = Run(config, instrument), Run(config, instrument), 0
    whole.feed(*told)

    for cut, restarts, padding in cuts:
        pieces.feed(*told[done:cut], padding=padding)
        done = cut
        if restarts:
            pieces.restart()
    pieces.feed(*told[done:])

    assert pieces.encoded == whole.encoded
    assert (pieces.ignored, pieces.notices) == (whole.ignored, whole.notices)
    assert (pieces.quotes, pieces.audits) == (whole.quotes, whole.audits)
    assert pieces.measurer.state() == whole.measurer.state()


@pytest.mark.parametrize("kind", FEEDS)
@settings(max_examples=40)
@given(data=st.data(), config=configs)
def test_a_restart_after_every_message_does_not_show(kind: str, data: st.DataObject, config: MeasureConfig) -> None:
    told: list[Told] = data.draw(FEEDS[kind])
    whole, pieces = Run(config), Run(config)
    whole.feed(*told)

    for item in told:
        pieces.feed(item)
        pieces.restart()

    assert pieces.encoded == whole.encoded
    assert (pieces.ignored, pieces.notices) == (whole.ignored, whole.notices)
    assert (pieces.quotes, pieces.audits) == (whole.quotes, whole.audits)


@settings(max_examples=60)
@given(told=mixed_feeds, config=configs)
def test_a_restored_state_is_the_state_that_was_saved(told: list[Told], config: MeasureConfig) -> None:
    run = Run(config)
    for item in told:
        run.feed(item)
        state = run.measurer.state()

        assert Measurer(config, state).state() == state


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([futures(100, 103, 105), snapshot(100), futures(105, 106, 107)], id="what_waits_keeps_its_chain"),
        pytest.param([spot(101, 105), spot(1, 2, ms=60_002), spot(3, 4, ms=60_003)], id="the_clock_of_differences"),
        pytest.param([book([], [], 5, 1), book([], [], 4, 60_002)], id="the_clock_of_partial_books"),
        pytest.param([trade(5, 1.0), trade(4, 1.0, ms=60_002), book([], [])], id="the_clock_of_trades"),
        pytest.param([trade(5, 1.0, aggregate=True), trade(6, 1.0), book([], [])], id="the_kind_of_trades"),
        pytest.param(
            [snapshot(100), spot(101, 101), snapshot(120), spot(119, 125)], id="a_snapshot_for_the_next_break"
        ),
        pytest.param([snapshot(100), spot(101, 101), spot(103, 103), snapshot(103), spot(104, 104)], id="gaps"),
        pytest.param(
            [
                snapshot(100, [(99.0, 1.0)], [(101.0, 2.0)]),
                spot(101, 103, [(98.0, 1.0)]),
                snapshot(102, [(99.0, 2.0)], [(101.0, 2.0)]),
                snapshot(106, [(99.0, 3.0)], [(101.0, 2.0)]),
                spot(104, 105),
                spot(106, 108, [(97.0, 1.0)]),
                spot(109, 110),
                snapshot(100, [(99.0, 3.0)], [(101.0, 2.0)]),
            ],
            id="what_audits_need",
        ),
        pytest.param(
            [
                snapshot(100, [(99.0, 1.0)], [(101.0, 2.0)]),
                spot(101, 101),
                quote(100, 99.0, 1.0, 101.0, 2.0),
                spot(102, 102),
                quote(103, 99.0, 1.0, 101.0, 5.0),
                quote(104, 99.0, 1.0, 101.0, 2.0),
                spot(103, 103),
                spot(104, 105),
                quote(103, 99.0, 1.0, 101.0, 2.0),
                quote(110, 99.0, 1.0, 101.0, 2.0),
            ],
            id="quotes_and_books_that_wait",
        ),
    ],
)
def test_a_restart_forgets_nothing(told: list[Told]) -> None:
    whole, pieces = Run(), Run()
    whole.feed(*told)
    for item in told:
        pieces.feed(item)
        pieces.restart()

    assert whole.encoded
    assert pieces.encoded == whole.encoded
    assert (pieces.ignored, pieces.notices) == (whole.ignored, whole.notices)
    assert (pieces.quotes, pieces.audits) == (whole.quotes, whole.audits)


def test_asking_for_the_state_changes_nothing() -> None:
    run = Run()
    run.feed(book([(99.0, 1.0)], [(101.0, 1.0)], 5))

    assert run.measurer.state() == run.measurer.state()


def well_travelled() -> Run:
    """A run whose state has something in every part."""
    run = Run()
    run.feed(
        trade(1, 0.5),
        book([(99.0, 1.0)], [(101.0, 1.0)], 5),
        book([(102.0, 1.0)], [(103.0, 1.0)], 6),
        snapshot(10, [(99.0, 1.0)], [(101.0, 2.0)]),
        futures(10, 11, 12, [(98.0, 1.0)]),
        futures(12, 13, 14, [(101.0, 1.0)], [(101.0, 0.0)]),
        quote(13, 99.0, 1.0, 102.0, 2.0),
        futures(14, 15, 16, [(98.0, 2.0)]),
        snapshot(99, [(99.0, 1.0)], [(101.0, 2.0)]),
        quote(15, 99.0, 1.0, 102.0, 2.0),
        futures(16, 17, 18, [(98.0, 3.0)]),
        futures(20, 21, 22, [(98.0, 1.0)]),
    )
    return run


def test_a_state_that_ends_too_early_is_refused_wherever_it_ends() -> None:
    state = well_travelled().measurer.state()

    for size in range(1, len(state)):
        with pytest.raises(StateError, match="expected"):
            Measurer(MeasureConfig(), state[:size])


def test_a_state_that_goes_on_after_its_end_is_refused() -> None:
    with pytest.raises(StateError, match="expected the end"):
        Measurer(MeasureConfig(), well_travelled().measurer.state() + b"\0")


def test_a_state_of_another_version_is_refused() -> None:
    state = well_travelled().measurer.state()
    other = STATE_TAG[:-1] + bytes([STATE_TAG[-1] + 1]) + state[len(STATE_TAG) :]

    with pytest.raises(StateError, match="expected a state that starts with"):
        Measurer(MeasureConfig(), other)


def test_a_smaller_window_after_a_restart_drops_the_oldest_events() -> None:
    run = Run(MeasureConfig(delta_volume_window=3))
    for number, quantity in enumerate((1.0, 2.0, 4.0)):
        run.feed(trade(number, quantity))

    smaller = Run(MeasureConfig(delta_volume_window=2), state=run.measurer.state())

    assert smaller.one(book([(99.0, 1.0)], [(101.0, 1.0)]))["trade_delta"] == 6.0


def test_a_deeper_setting_after_a_restart_counts_levels_that_were_known_all_along() -> None:
    run = Run(MeasureConfig(depth_levels=1))
    run.feed(snapshot(10, [(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0)]), futures(10, 11, 12))

    deeper = Run(MeasureConfig(depth_levels=2), state=run.measurer.state())

    assert deeper.one(futures(12, 13, 14))["bid_volume"] == 3.0


def test_the_measurer_does_not_keep_the_block_of_a_poll_alive() -> None:
    measurer = Measurer(MeasureConfig())
    events, levels = pack([book([(99.0, 1.0)], [(101.0, 1.0)], number) for number in range(100)])
    kept = weakref.ref(levels)

    measurer.feed(events, levels)
    del levels
    gc.collect()

    assert kept() is None
