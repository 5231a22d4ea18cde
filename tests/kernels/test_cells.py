"""Rows as cells: what goes in comes out again, and nothing else does."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compiled
from orderbook import cells
from orderbook.metrics import COLUMNS
from orderbook.record import STATES
from orderbook.rows import Row

kernel: Any = compiled("cells")
if kernel is None:
    pytest.skip("the kernel was not built", allow_module_level=True)

small = st.integers(-(2**63) + 1, 2**63 - 1)
numbers = st.none() | st.floats(allow_nan=False)
rows = st.builds(
    Row,
    offset=small,
    timestamp_ms=small,
    receive_time_ns=st.none() | small,
    event_time_ms=st.none() | small,
    transaction_time_ms=st.none() | small,
    update_id=st.none() | small,
    seq=small,
    delta_volume=numbers,
    trade_delta=numbers,
    delta_events=small,
    state=st.integers(0, len(STATES) - 1),
    gaps=small,
    ofi_l1=numbers,
    ofi_ew_500ms=numbers,
    ofi_ew_2s=numbers,
    delta_volume_1s=numbers,
    trade_delta_1s=numbers,
    trade_count_1s=small,
    delta_window_ms=st.none() | small,
    delta_truncated=small,
    near=st.none() | st.tuples(*[numbers] * 6),
)
ROW = Row(
    offset=7,
    timestamp_ms=1_700_000_000_000,
    receive_time_ns=None,
    event_time_ms=None,
    transaction_time_ms=2,
    update_id=2**63 - 1,
    seq=1,
    delta_volume=0.5,
    trade_delta=None,
    delta_events=3,
    state=0,
    gaps=0,
    ofi_l1=-0.0,
    ofi_ew_500ms=math.inf,
    ofi_ew_2s=1e-300,
    delta_volume_1s=None,
    trade_delta_1s=None,
    trade_count_1s=0,
    delta_window_ms=None,
    delta_truncated=0,
    near=None,
)


def ones(count: int) -> Any:
    return np.ones((count, len(COLUMNS)))


@settings(max_examples=60)
@given(some=st.lists(rows, max_size=40), data=st.data())
def test_rows_come_out_as_they_went_in(some: list[Row], data: st.DataObject) -> None:
    of_row = st.lists(st.floats(), min_size=len(COLUMNS), max_size=len(COLUMNS))
    columns = np.array(data.draw(st.lists(of_row, min_size=len(some), max_size=len(some)))).reshape(-1, len(COLUMNS))
    made, out = kernel.Rows.of(some, columns), ones(len(some))
    made.copy_columns(out)

    # As text: 0.0 and -0.0 are not the same.
    assert list(map(repr, map(Row._make, made.rows()))) == list(map(repr, some))
    assert made.integers(5) == [row.update_id for row in some]
    assert made.count == len(made) == len(some)
    for row, before, after in zip(some, columns, out, strict=True):
        if row.near is not None:
            before[-6:] = row.near
        np.testing.assert_array_equal(after, before)


@settings(max_examples=60)
@given(some=st.lists(rows, max_size=4), seed=st.integers(0, 100))
def test_the_twin_tells_the_same(some: list[Row], seed: int) -> None:
    columns = np.random.default_rng(seed).normal(size=(len(some), len(COLUMNS)))
    made, twin = cells.rows_of(some, columns, kernel=kernel), cells.rows_of(some, columns, kernel=None)
    out, of_twin = ones(len(some)), ones(len(some))
    made.copy_columns(out)
    twin.copy_columns(of_twin)

    assert list(map(Row._make, made.rows())) == list(twin.rows()) == some
    assert made.integers(0) == twin.integers(0)
    assert len(made) == len(twin)
    np.testing.assert_array_equal(out, of_twin)


@pytest.mark.parametrize("way", [kernel, None])
@given(parts=st.lists(st.lists(rows, max_size=3), min_size=1, max_size=4))
def test_joined_rows_are_those_of_all(way: Any, parts: list[list[Row]]) -> None:
    columns = [np.full((len(part), len(COLUMNS)), float(number)) for number, part in enumerate(parts)]
    some = [cells.rows_of(part, of_part, kernel=way) for part, of_part in zip(parts, columns, strict=True)]
    joined = cells.join(some)
    whole = cells.rows_of([row for part in parts for row in part], np.concatenate(columns), kernel=way)
    out, expected = ones(len(joined)), ones(len(whole))
    joined.copy_columns(out)
    whole.copy_columns(expected)

    assert [*joined.rows()] == [*whole.rows()]
    np.testing.assert_array_equal(out, expected)
    assert [len(part) for part in some] == [len(part) for part in parts]


@pytest.mark.parametrize("way", [kernel, None])
def test_columns_of_other_rows_are_an_error(way: Any) -> None:
    with pytest.raises(ValueError, match="1 rows"):
        cells.rows_of([ROW], ones(2), kernel=way)


def test_a_number_may_be_an_integer_and_nan_is_none() -> None:
    [row] = kernel.Rows.of([ROW._replace(delta_volume=3, ofi_l1=math.nan)], ones(1)).rows()

    assert row == ROW._replace(delta_volume=3.0, ofi_l1=None)


def test_columns_may_lie_in_any_order_and_be_for_reading_only() -> None:
    columns = np.asfortranarray(np.arange(104.0).reshape(2, 52))[:, ::2]
    columns.flags.writeable = False
    out = ones(2)
    kernel.Rows.of([ROW, ROW], columns).copy_columns(out)

    assert out.tolist() == columns.tolist()


def test_no_rows_are_nothing() -> None:
    for made in (kernel.Rows(), kernel.Rows(100), kernel.Rows.of([], ones(0))):
        made.copy_columns(ones(0))
        assert (made.count, made.rows()) == (0, [])


def test_rows_of_the_module_are_what_the_core_knows() -> None:
    assert cells.usable(kernel) is kernel


@pytest.mark.parametrize(
    "known",
    [
        {**cells.KNOWN, "columns": (*COLUMNS, "of_a_later_version")},
        {**cells.KNOWN, "items": (("offset", "number"),)},
        {**cells.KNOWN, "near": ()},
        {"items": cells.KNOWN["items"]},
    ],
)
def test_a_kernel_that_knows_other_rows_is_not_used(known: object) -> None:
    assert cells.usable(SimpleNamespace(KNOWN=known)) is None  # type: ignore[arg-type]
    assert cells.usable(None) is None


WRONG: list[tuple[Callable[[], object], type[Exception]]] = [
    (lambda: kernel.Rows(-1), ValueError),
    (lambda: kernel.Rows(2**62), ValueError),
    (lambda: kernel.Rows(2**70), OverflowError),
    (lambda: kernel.Rows.of(None, ones(0)), TypeError),
    (lambda: kernel.Rows.of((ROW,), ones(1)), TypeError),
    (lambda: kernel.Rows.of([ROW], None), TypeError),
    (lambda: kernel.Rows.of([ROW], ones(2)), ValueError),
    (lambda: kernel.Rows.of([ROW], np.ones((1, 25))), ValueError),
    (lambda: kernel.Rows.of([ROW], np.ones((1, 26), np.float32)), ValueError),
    (lambda: kernel.Rows.of([ROW[:20]], ones(1)), TypeError),
    (lambda: kernel.Rows.of([(*ROW, None)], ones(1)), TypeError),
    (lambda: kernel.Rows.of([list(ROW)], ones(1)), TypeError),
    (lambda: kernel.Rows.of([None], ones(1)), TypeError),
    (lambda: kernel.Rows.of([ROW._replace(offset=2**63)], ones(1)), OverflowError),
    (lambda: kernel.Rows.of([ROW._replace(offset=-(2**63))], ones(1)), OverflowError),
    (lambda: kernel.Rows.of([ROW._replace(offset=True)], ones(1)), TypeError),
    (lambda: kernel.Rows.of([(1.0, *ROW[1:])], ones(1)), TypeError),
    (lambda: kernel.Rows.of([(*ROW[:7], "0.5", *ROW[8:])], ones(1)), TypeError),
    (lambda: kernel.Rows.of([(*ROW[:7], 10**400, *ROW[8:])], ones(1)), OverflowError),
    (lambda: kernel.Rows.of([ROW._replace(near=(1.0,) * 5)], ones(1)), ValueError),
    (lambda: kernel.Rows.of([(*ROW[:20], [1.0] * 6)], ones(1)), ValueError),
    (lambda: kernel.Rows.of([(*ROW[:20], ("1.0",) * 6)], ones(1)), TypeError),
    (lambda: kernel.Rows.of([ROW], ones(1)).integers(-1), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).integers(7), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).integers(20), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).integers(21), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).copy_columns(ones(2)), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).copy_columns(np.ones((1, 27))), ValueError),
    (lambda: kernel.Rows.of([ROW], ones(1)).copy_columns(None), TypeError),
]


@pytest.mark.parametrize(("wrong", "error"), WRONG, ids=map(str, range(len(WRONG))))
def test_what_does_not_fit_is_an_error(wrong: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        wrong()


@pytest.mark.slow
def test_nothing_is_kept_of_rows_that_are_gone() -> None:
    some, columns, wrong = [ROW] * 100, ones(100), [ROW] * 99 + [ROW._replace(near=(1.0,) * 5)]

    def work(times: int) -> int:
        for _ in range(times):
            kernel.Rows.of(some, columns).rows()
            with pytest.raises(ValueError, match="6 numbers"):
                kernel.Rows.of(wrong, columns)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = work(100)

    assert work(1_000) - before < 2_000
