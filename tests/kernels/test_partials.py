"""Partial books by the compiled loop: the rows, counts and states that the plain one gives."""

from __future__ import annotations

import resource
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compiled
from orderbook import MeasureConfig, Measurer, Partial
from orderbook.flow import new_flow
from orderbook.partial_lane import new_lane
from orderbook.rows import LOOP, Row, plain_loop
from tests.orderbook.feeds import Run, Told, book, pack
from tests.strategies import FEEDS, configs

KERNEL = compiled("partials")

pytestmark = pytest.mark.skipif(KERNEL is None, reason="kernels.partials was not compiled")

BIDS, ASKS = [(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 3.0)]


@pytest.mark.parametrize("kind", FEEDS)
@settings(max_examples=60)
@given(data=st.data(), config=configs, cut=st.integers(0, 30), padding=st.integers(0, 3))
def test_it_gives_what_the_plain_loop_gives(
    kind: str, data: st.DataObject, config: MeasureConfig, cut: int, padding: int
) -> None:
    told: list[Told] = data.draw(FEEDS[kind])
    quick, plain = Run(config), Run(config)
    quick.measurer, plain.measurer = Measurer(config), Measurer(config, loop=plain_loop)
    for run in (quick, plain):
        run.feed(*told[:cut], padding=padding)
        run.feed(*told[cut:])

    assert quick.encoded == plain.encoded
    assert (quick.ignored, quick.notices) == (plain.ignored, plain.notices)
    assert quick.measurer.state() == plain.measurer.state()


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(Partial(1, 7_000, None, None, None, None, 0), id="no_time_but_kafkas"),
        pytest.param(Partial(1, 7_000, 9_000_999_999, None, None, 4, 0), id="received"),
        pytest.param(Partial(1, 7_000, 9_000_000_000, 8_000, 8_001, 2**63 - 1, 0), id="an_id_of_many_bits"),
        pytest.param(Partial(1, 7_000, 2**70, None, None, 4, 0), id="a_time_of_many_bits"),
    ],
)
def test_it_takes_the_time_and_the_id_that_there_are(event: Partial) -> None:
    _, levels = pack([book(BIDS, ASKS)])
    both = [Measurer(MeasureConfig(), loop=loop) for loop in (LOOP, plain_loop)]
    quick, plain = (measurer.feed([event], levels).rows for measurer in both)

    assert quick == plain
    assert type(quick[0]) is Row


class Caller:
    """An instrument whose tape is broken."""

    seq = 0

    def __init__(self, *, alone: bool = True) -> None:
        self.alone = alone

    def hear(self, *_: object) -> None:
        """Nothing."""

    def beside(self) -> Any:
        """Fails."""
        return (1 // 0,)


def loop(events: list[Any], levels: Any) -> None:
    lane = new_lane(new_flow(MeasureConfig()))
    LOOP(events, levels, lane, Counter(), Caller())


@pytest.mark.parametrize("row", [-1, 1, 2**40])
def test_a_row_that_is_not_there_is_an_error(row: int) -> None:
    _, levels = pack([book(BIDS, ASKS)])
    with pytest.raises(IndexError, match="expected a row of 1"):
        loop([Partial(1, 1, None, 1, None, None, row)], levels)


@pytest.mark.parametrize(
    "levels", [np.ones((1, 2, 2)), np.ones((1, 1, 2, 2)), np.ones((1, 2, 2, 2), np.int64), np.ones((1, 2, 2, 3))]
)
def test_levels_of_another_shape_are_an_error(levels: Any) -> None:
    with pytest.raises(ValueError, match="expected blocks of float64"):
        loop([Partial(1, 1, None, 1, None, None, 0)], levels)


def test_what_a_caller_raises_comes_through() -> None:
    _, levels = pack([book(BIDS, ASKS)])
    lane = new_lane(new_flow(MeasureConfig()))
    with pytest.raises(ZeroDivisionError):
        LOOP([Partial(1, 1, None, 1, None, None, 0)], levels, lane, Counter(), Caller(alone=False))


def test_it_gives_back_its_memory() -> None:
    events, levels = pack([book(BIDS, ASKS, None, number) for number in range(100)])
    measurer = Measurer(MeasureConfig())

    def feed() -> None:
        for _ in range(200):
            measurer.feed(events, levels)
            measurer.state()

    feed()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        feed()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000, "KiB"
