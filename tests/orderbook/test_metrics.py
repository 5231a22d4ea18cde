"""The same book gives the same bits, whatever stands beside it and however it lies in memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.groups import join_books
from orderbook.metrics import COLUMNS, Block, measure_books
from orderbook.presets import MeasureConfig
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED, RESYNCING

CONFIG = MeasureConfig(large_order_threshold_pct=0.01)


def random_books(seed: int, count: int = 64, width: int = 20) -> tuple[Block, npt.NDArray[np.int8]]:
    """Books of all states but resyncing, with sides of every length, and numbers of many digits."""
    draw = np.random.default_rng(seed)
    books = np.zeros((count, 2, width, 2))
    states = np.zeros(count, np.int8)
    for row in range(count):
        mid = draw.uniform(1, 1e5)
        for side, sign in ((0, -1), (1, 1)):
            length = int(draw.choice([0, 1, 3, width, width, width]))
            prices = mid * (1 + sign * np.cumsum(draw.exponential(1e-4, length)))
            if draw.random() < 0.1:
                prices = prices * (1 - sign * 0.01)
            books[row, side, :length, 0] = prices
            books[row, side, :length, 1] = draw.lognormal(0, 3, length)
        bid, ask = books[row, 0, 0, 0], books[row, 1, 0, 0]
        states[row] = LIVE if 0 < bid < ask else CROSSED if bid and ask else ONE_SIDED if bid or ask else EMPTY
    return books, states


def bits(metrics: npt.NDArray[np.float64]) -> list[bytes]:
    return [row.tobytes() for row in metrics]


def one_by_one(books: Block, states: npt.NDArray[np.int8], sizes: npt.NDArray[np.float64] | None = None) -> list[bytes]:
    return [
        bits(measure_books(books[i : i + 1], states[i : i + 1], CONFIG, None if sizes is None else sizes[i : i + 1]))[0]
        for i in range(len(books))
    ]


def test_the_random_books_are_in_all_states_but_one() -> None:
    assert set(random_books(1)[1].tolist()) == {LIVE, ONE_SIDED, EMPTY, CROSSED}


@pytest.mark.parametrize("seed", range(5))
def test_many_books_at_once_equal_each_book_alone(seed: int) -> None:
    books, states = random_books(seed)

    assert bits(measure_books(books, states, CONFIG)) == one_by_one(books, states)


def test_contract_sizes_are_each_books_own() -> None:
    books, states = random_books(6)
    sizes = np.where(np.arange(len(books)) % 3 == 0, np.nan, 10.0)
    mixed = bits(measure_books(books, states, CONFIG, sizes))

    assert mixed == one_by_one(books, states, sizes)
    assert mixed[0] == one_by_one(books, states)[0]
    assert mixed[1:3] != one_by_one(books, states)[1:3]


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(np.asfortranarray, id="fortran"),
        pytest.param(lambda books: np.repeat(books, 2, axis=0)[::2], id="every_other_row"),
        pytest.param(lambda books: books[::-1].copy()[::-1], id="backwards"),
        pytest.param(lambda books: np.concatenate([books, books], axis=2)[:, :, :20], id="part_of_wider"),
        pytest.param(lambda books: np.concatenate([books, books], axis=3)[..., 2:], id="part_of_a_record"),
        pytest.param(lambda books: books.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0), id="transposed"),
    ],
)
def test_the_memory_layout_does_not_show(layout: Any) -> None:
    books, states = random_books(7)
    other = layout(books)

    assert np.array_equal(other, books)
    assert bits(measure_books(other, states, CONFIG)) == bits(measure_books(books, states, CONFIG))


@pytest.mark.parametrize("padding", [1, 7, 44, 480])
def test_the_padded_width_does_not_show(padding: int) -> None:
    books, states = random_books(8)
    wide = np.concatenate([books, np.zeros((len(books), 2, padding, 2))], axis=2)

    assert bits(measure_books(wide, states, CONFIG)) == bits(measure_books(books, states, CONFIG))


def test_books_of_no_width_are_empty() -> None:
    [row] = measure_books(np.zeros((1, 2, 0, 2)), np.array([EMPTY], np.int8), CONFIG)

    expected = {"bid_notional": 0.0, "ask_notional": 0.0, "total_depth": 0.0, "bid_volume": 0.0, "ask_volume": 0.0}
    assert {name: value for name, value in zip(COLUMNS, row, strict=True) if not math.isnan(value)} == expected


def test_no_books_give_no_rows() -> None:
    assert measure_books(np.zeros((0, 2, 5, 2)), np.zeros(0, np.int8), CONFIG).shape == (0, len(COLUMNS))


def test_the_books_are_not_written_to() -> None:
    books, states = random_books(9)
    before = books.copy()
    books.flags.writeable = states.flags.writeable = False
    measure_books(books, states, CONFIG)

    assert np.array_equal(books, before)


def test_a_resyncing_row_is_undefined_whatever_its_levels() -> None:
    books, states = random_books(10)
    states[:] = RESYNCING

    assert np.isnan(measure_books(books, states, CONFIG)).all()


@pytest.mark.parametrize("widths", [(3,), (3, 3), (2, 5, 1), (0, 4), (0, 0)])
def test_joining_pads_the_narrow_with_absent_levels(widths: tuple[int, ...]) -> None:
    draw = np.random.default_rng(1)
    blocks = [draw.random((rows, 2, width, 2)) + 1 for rows, width in enumerate(widths, 1)]
    whole = join_books(blocks)
    row = 0

    assert whole.shape == (sum(map(len, blocks)), 2, max(widths), 2)
    for block in blocks:
        part = whole[row : row + len(block)]
        row += len(block)
        assert np.array_equal(part[:, :, : block.shape[2]], block)
        assert not part[:, :, block.shape[2] :].any()


amounts = st.floats(1e-8, 1e12, allow_subnormal=False)
sides = st.lists(amounts, min_size=1, max_size=12)


@settings(max_examples=60)
@given(bids=sides, asks=sides, threshold=st.floats(0.0, 1.0))
def test_every_metric_stays_in_its_range(bids: list[float], asks: list[float], threshold: float) -> None:
    width = max(len(bids), len(asks))
    books = np.zeros((1, 2, width, 2))
    books[0, 0, : len(bids)] = [(100.0 - i, quantity) for i, quantity in enumerate(bids)]
    books[0, 1, : len(asks)] = [(101.0 + i, quantity) for i, quantity in enumerate(asks)]
    values = measure_books(books, np.array([LIVE], np.int8), MeasureConfig(large_order_threshold_pct=threshold))[
        0
    ].tolist()
    row = dict(zip(COLUMNS, values, strict=True))

    assert -1 <= row["orderflow_imbalance"] <= 1
    assert 0 <= row["order_book_depth_ratio"] <= 2
    assert row["large_order_presence"] in {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}
    assert row["bid_ask_spread_pct"] > 0
    assert row["best_bid"] * (1 - 1e-12) <= row["micro_price"] <= row["best_ask"] * (1 + 1e-12)
    assert row["total_depth"] == row["bid_notional"] + row["ask_notional"]


def test_absurd_numbers_are_undefined_and_not_warned_about() -> None:
    books = np.array([[[[1.0, 1e290]], [[1e290, 1.0]]]])
    row = dict(zip(COLUMNS, measure_books(books, np.zeros(1, np.int8), CONFIG)[0].tolist(), strict=True))

    assert row["orderflow_imbalance"] == 1.0
    assert not math.isfinite(row["micro_price"])
