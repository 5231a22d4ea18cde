"""The memory of a lane: its flow and their windows lie in it, and outlive it."""

from __future__ import annotations

import gc
import resource
import sys
from typing import Any

import numpy as np
import pytest

from kernels import compiled
from orderbook import MeasureConfig
from orderbook.flow import new_flow
from orderbook.partial_lane import KERNEL, new_lane

pytestmark = pytest.mark.skipif(
    KERNEL is None or compiled("flow") is None, reason="the kernels `lanes` and `flow` were not compiled"
)


def full(flow: Any, count: int) -> Any:
    """So many numbers, whose sum has more parts than lie beside it."""
    for number in range(count):
        flow.clock_ms += 1
        for window in (flow.events, flow.second):
            window.push(10.0 ** (number % 60 - 30), flow.clock_ms, number % 2 == 0)
    return flow


def numbers(flow: Any) -> Any:
    windows = flow.events, flow.second
    of_windows = [(w.values, w.stamps, w.cuts, w.sum(), w.since_ms, w.cut_off, len(w)) for w in windows]
    return of_windows, flow.packed(), flow.clock_ms, flow.place


@pytest.mark.parametrize("count", [0, 3, 250])
def test_a_flow_has_the_same_numbers_before_in_and_after_its_lane(count: int) -> None:
    flow: Any = full(new_flow(MeasureConfig()), count)
    expected = numbers(flow)
    lane = new_lane(flow)
    assert numbers(lane.flow) == expected
    del lane
    assert numbers(flow) == expected

    lane = new_lane(full(flow, 70))
    expected = numbers(flow)
    assert lane.flow is flow
    windows = flow.events, flow.second
    del lane, flow
    assert [(w.values, w.stamps, w.cuts, w.sum(), w.since_ms, w.cut_off, len(w)) for w in windows] == expected[0]


def test_nothing_lies_in_two_places() -> None:
    lanes, flows, windows = compiled("lanes"), compiled("flow"), compiled("windows")
    assert lanes is not None
    assert flows is not None
    assert windows is not None
    flow = new_flow(MeasureConfig())
    lane = new_lane(flow)
    with pytest.raises(ValueError, match="in no other lane"):
        new_lane(flow)
    rules: Any = (None, {}, {}, 0, -1, False)
    one, other = windows.Window(1), windows.Window(1)
    for pair in ((one, one), (flow.events, one), (one, flow.second)):
        with pytest.raises(ValueError, match="in no other flow"):
            flows.Flow(*pair, rules)
    with pytest.raises(ValueError, match="unpack"):
        flows.Flow(one, other, rules[:3])
    assert numbers(lane.flow) == numbers(new_flow(MeasureConfig()))
    assert flows.Flow(one, other, rules).events is one
    for size in (0, -1, 2**31):
        with pytest.raises(ValueError, match="expected a size"):
            windows.Window(size)


@pytest.mark.parametrize("width", [0, 1, 20, 21, 500])
def test_a_lane_has_room_for_every_width(width: int) -> None:
    lane = new_lane(new_flow(MeasureConfig()))
    for some in (width, 3, 2 * width, 1):
        block = np.arange(4.0 * some).reshape(1, 2, some, 2)
        lane.resume(block)
        assert lane.carried.tolist() == block.tolist()


def test_nothing_stays_behind() -> None:
    """A hundred thousand lanes: memory does not grow."""

    def run(times: int) -> None:
        for _ in range(times):
            flow: Any = full(new_flow(MeasureConfig(delta_volume_window=5)), 9)
            lane = new_lane(flow)
            lane.resume(np.zeros((1, 2, 25, 2)))
            lane.flow.events.push(1.0, 1, True)

    run(2_000)
    gc.collect()
    before, blocks = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sys.getallocatedblocks()
    run(100_000)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 1_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000
