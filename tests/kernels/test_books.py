"""The compiled metrics of a poll's books have the bits of numpy's, whatever the numbers, shapes, states and predecessors."""

from __future__ import annotations

import resource
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compiled
from orderbook.groups import KERNEL, KNOWN, measure_groups, usable
from orderbook.metrics import COLUMNS, Block
from orderbook.ofi import BEFORE_FULL, BEFORE_PARTIAL, NO_PREDECESSOR, Carried
from orderbook.presets import MeasureConfig

pytestmark = pytest.mark.skipif(compiled("books") is None, reason="kernels.books was not compiled")

Poll: TypeAlias = tuple[list[Block], bytes, MeasureConfig, list[list[int]], list[Carried], list[float | None]]

ABSURD = [0.0, 5e-324, 1e-310, 1e-8, 0.1, 0.7, 1e16, 1e290, 1.7e308]
WIDTHS = [0, 1, 2, 4, 5, 6, 9, 10, 11, 20, 33]
LAYOUTS = [
    np.array,
    np.asfortranarray,
    lambda books: books[::-1].copy()[::-1],
    lambda books: np.repeat(books, 3, axis=2)[:, :, ::3],
    lambda books: np.concatenate([books, books], axis=3)[..., 2:],
    lambda books: books[..., ::-1].copy()[..., ::-1],
]


def side(draw: Any, sign: int, width: int, at: float) -> list[tuple[float, float]]:
    """Levels of one side: a ladder of small steps, so that books share prices; now and then anything at all."""
    length = draw(st.sampled_from([0, 1, width, width, width - 1, width // 2]))
    if draw(st.integers(0, 5)) == 0:
        numbers = st.one_of(st.sampled_from(ABSURD), st.floats(0.0, allow_infinity=False))
        return [(draw(numbers), draw(numbers)) for _ in range(max(length, 0))]
    steps = draw(st.lists(st.integers(1, 3), min_size=max(length, 0), max_size=max(length, 0)))
    quantity = st.one_of(st.sampled_from([0.1, 0.2, 0.7, 3.0, 1e16, 1e290, 5e-324]), st.floats(1e-8, 1e4))
    return [(at + sign * price / 64, draw(quantity)) for price in np.cumsum(steps).tolist()]


@st.composite
def blocks(draw: Any, count: int) -> Block:
    width = draw(st.sampled_from(WIDTHS))
    out = np.zeros((count, 2, width, 2))
    for row in range(count):
        at = draw(st.sampled_from([100.0, 100.5, 3.7]))
        for number, sign in enumerate((-1, 1)):
            levels = side(draw, sign, width, at)
            if levels:
                out[row, number, : len(levels)] = levels
    block: Block = draw(st.sampled_from(LAYOUTS))(out)
    return block


@st.composite
def polls(draw: Any) -> Poll:
    counts = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    config = MeasureConfig(
        depth_levels=draw(st.sampled_from([1, 4, 5, 6, 7, 10, 11, 20])),
        large_order_threshold_pct=draw(st.sampled_from([0.0, 0.01, 0.1, 1.0])),
    )
    places = [st.integers(BEFORE_FULL, count - 1) for count in counts]
    before = [
        draw(st.lists(place, min_size=count, max_size=count)) for place, count in zip(places, counts, strict=True)
    ]
    states = draw(
        st.one_of(st.just([0] * sum(counts)), st.lists(st.integers(0, 5), min_size=sum(counts), max_size=sum(counts)))
    )
    return (
        [draw(blocks(count)) for count in counts],
        bytes(states),
        config,
        before,
        [(draw(blocks(1)), draw(blocks(1))) for _ in counts],
        draw(st.lists(st.sampled_from([None, 10.0, 100.0, 0.3]), min_size=len(counts), max_size=len(counts))),
    )


def measured(poll: Poll, kernel: ModuleType | None) -> npt.NDArray[np.float64]:
    return measure_groups(*poll[:5], contract_sizes=poll[5], kernel=kernel)


def bits(metrics: npt.NDArray[np.float64]) -> list[list[int]]:
    """Any NaN is as good as another."""
    found: list[list[int]] = np.where(np.isnan(metrics), np.nan, metrics).view(np.int64).tolist()
    return found


@settings(max_examples=150, deadline=None)
@given(polls())
def test_the_compiled_metrics_have_the_bits_of_numpys(poll: Poll) -> None:
    assert KERNEL is not None
    assert bits(measured(poll, KERNEL)) == bits(measured(poll, None))


@settings(max_examples=50, deadline=None)
@given(polls())
def test_each_instrument_alone_has_the_same_bits(poll: Poll) -> None:
    books, states, config, before, carried, sizes = poll
    alone, start = list[list[int]](), 0
    for number, block in enumerate(books):
        part = slice(number, number + 1)
        mine = states[start : start + len(block)]
        alone += bits(measured((books[part], mine, config, before[part], carried[part], sizes[part]), KERNEL))
        start += len(block)

    assert alone == bits(measured(poll, KERNEL))


def one(**other: Any) -> Poll:
    """A poll of one instrument with two books."""
    nothing = np.zeros((1, 2, 0, 2))
    told: dict[str, Any] = {
        "books": [np.ones((2, 2, 3, 2))],
        "states": bytes(2),
        "config": MeasureConfig(),
        "before": [[NO_PREDECESSOR, 0]],
        "carried": [(nothing, nothing)],
        "sizes": [None],
    }
    books, states, config, before, carried, sizes = (told | other).values()
    return books, states, config, before, carried, sizes


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"books": [np.ones((2, 2, 3))]}, id="three_axes"),
        pytest.param({"books": [np.ones((2, 2, 3, 1))]}, id="no_quantities"),
        pytest.param({"books": [np.ones((2, 1, 3, 2))]}, id="one_side"),
        pytest.param({"books": [np.ones((2, 2, 3, 2), np.float32)]}, id="float32"),
        pytest.param({"books": [np.ones((2, 2, 3, 2), np.int64)]}, id="int64"),
        pytest.param({"books": [np.ones((2, 2, 3, 2), ">f8")]}, id="big_endian"),
        pytest.param({"books": [b"x" * 96]}, id="bytes"),
        pytest.param({"books": [np.ones((3, 2, 3, 2))], "before": [[-1] * 3]}, id="more_books_than_states"),
        pytest.param({"books": [np.ones((1, 2, 3, 2))], "before": [[-1]]}, id="fewer_books_than_states"),
        pytest.param({"books": []}, id="no_blocks"),
        pytest.param({"before": [[NO_PREDECESSOR]]}, id="fewer_predecessors"),
        pytest.param({"before": [[NO_PREDECESSOR] * 3]}, id="more_predecessors"),
        pytest.param({"before": [[NO_PREDECESSOR, 2]]}, id="predecessor_behind_the_last_book"),
        pytest.param({"before": [[NO_PREDECESSOR, 2**62]]}, id="predecessor_far_behind"),
        pytest.param({"before": [[NO_PREDECESSOR, -4]]}, id="unknown_code"),
        pytest.param({"before": [[NO_PREDECESSOR, -(2**63)]]}, id="absurd_code"),
        pytest.param({"before": [[BEFORE_PARTIAL] * 2], "carried": [()]}, id="nothing_carried"),
        pytest.param({"before": [[BEFORE_PARTIAL] * 2], "carried": [(np.ones((0, 2, 3, 2)),)]}, id="carried_no_book"),
        pytest.param({"before": [[BEFORE_PARTIAL] * 2], "carried": [(np.ones((1, 2, 3)),)]}, id="carried_three_axes"),
        pytest.param({"sizes": []}, id="no_sizes"),
        pytest.param({"states": bytes(3)}, id="more_states"),
    ],
)
def test_what_does_not_fit_together_is_an_error(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        measured(one(**other), KERNEL)


@pytest.mark.parametrize("out", [np.empty((2, 25)), np.empty((1, 26)), np.empty((2, 26), np.float32), np.empty(52)])
def test_room_of_another_shape_is_an_error(out: npt.NDArray[np.float64]) -> None:
    assert KERNEL is not None
    books, states, _, before, carried, sizes = one()
    with pytest.raises(ValueError, match="expected room for 2 books of 26 columns"):
        KERNEL.measure(books, before, carried, sizes, states, 0.01, 20, out)


def test_a_kernel_that_knows_other_columns_is_not_used() -> None:
    assert KERNEL is not None
    other = ModuleType("books")
    other.__dict__["KNOWN"] = {**KNOWN, "columns": (*COLUMNS, "one_more")}

    assert usable(other) is None
    assert usable(None) is None
    assert usable(KERNEL) is KERNEL


def test_it_gives_back_its_memory() -> None:
    books = np.ones((2, 2, 20, 2))
    fine = one(books=[books], before=[[BEFORE_PARTIAL, BEFORE_FULL]], carried=[(books[:1], books[:1])])
    wrong = one(books=[books], before=[[BEFORE_PARTIAL, BEFORE_FULL]], carried=[(books[:1], books)])

    def walk() -> None:
        for _ in range(10_000):
            measured(fine, KERNEL)
            with pytest.raises(ValueError, match="expected a block of one book"):
                measured(wrong, KERNEL)

    walk()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        walk()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000, "KiB"
