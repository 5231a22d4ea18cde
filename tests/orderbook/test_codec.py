"""State as bytes: what is written is read, to the last bit, and the compiled writer writes what the plain one writes."""

from __future__ import annotations

import math
import resource
import struct
from array import array
from collections import deque
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.codec import KERNEL, STATE_TAG, Reader, StateError, Writer, new_writer
from tests.orderbook.test_decimals import any_numbers

BUILT = pytest.mark.skipif(KERNEL is None, reason="the kernels were not built")
KERNELS = pytest.mark.parametrize("kernel", [None, pytest.param(KERNEL, marks=BUILT)], ids=["plain", "compiled"])

ints = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
side = st.lists(st.tuples(st.floats(1e-9, 1e12), floats), max_size=40)

Step: TypeAlias = tuple[str, tuple[object, ...], dict[str, bool]]


def step(name: str, *values: st.SearchStrategy[tuple[object, ...]], **more: bool) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.one_of(values), st.just(more))


def block(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], absent: int, backwards: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Two books, of which the second has these sides; in one piece or not."""
    books = np.zeros((2, 2, max(len(bids), len(asks)) + absent, 4))[..., :: -2 if backwards else 2]
    for number, side in enumerate((bids, asks)):
        if side:
            books[1, number, : len(side)] = side
    return books


steps = st.lists(
    st.one_of(
        step("put_int", st.lists(st.none() | ints, max_size=6).map(tuple)),
        step("put_float", st.lists(floats, max_size=6).map(tuple)),
        step("put_floats", st.tuples(st.lists(floats)), st.tuples(st.lists(floats).map(deque))),
        step("put_decimals", st.tuples(any_numbers)),
        step("put_decimals", st.tuples(any_numbers), steps=True),
        step("put_integers", st.tuples(st.lists(ints)), st.tuples(st.lists(ints).map(lambda some: array("q", some)))),
        step("put_written", st.tuples(st.binary(max_size=9_000))),
        step("put_book", st.tuples(st.builds(block, side, side, st.integers(0, 3), st.booleans()), st.integers(0, 1))),
    ),
    max_size=12,
)


@BUILT
@given(st.binary(max_size=8), steps)
def test_the_compiled_writer_writes_the_same(begin: bytes, steps: list[Step]) -> None:
    assert KERNEL is not None
    plain, quick = Writer(begin), KERNEL.Writer(begin)
    for name, values, more in steps:
        getattr(plain, name)(*values, **more)
        getattr(quick, name)(*values, **more)
        assert quick.done() == plain.done()


@KERNELS
@given(st.lists(st.none() | ints), floats, st.lists(floats))
def test_what_is_written_is_read(
    kernel: ModuleType | None, integers: list[int | None], number: float, numbers: list[float]
) -> None:
    out = new_writer(kernel)
    out.put_int(*integers)
    out.put_float(number)
    out.put_floats(numbers)
    state = Reader(out.done())

    assert [state.take_optional_int() for _ in integers] == integers
    assert struct.pack("d", state.take_float()) == struct.pack("d", number)
    assert [struct.pack("d", n) for n in state.take_floats()] == [struct.pack("d", n) for n in numbers]
    state.end()


@KERNELS
@given(st.lists(ints), st.lists(floats), st.lists(floats), st.tuples(side, side))
def test_what_is_written_in_few_bytes_is_read(
    kernel: ModuleType | None,
    integers: list[int],
    some: list[float],
    ordered: list[float],
    book: tuple[list[tuple[float, float]], list[tuple[float, float]]],
) -> None:
    out = new_writer(kernel)
    out.put_integers(integers)
    out.put_decimals(some)
    out.put_decimals(ordered, steps=True)
    out.put_book(block(*book, 2, backwards=False), 1)
    state = Reader(out.done())

    assert state.take_integers() == integers
    assert state.take_decimals() == some
    assert state.take_decimals(steps=True) == ordered
    for levels in book:
        assert list(zip(state.take_decimals(steps=True), state.take_decimals(), strict=True)) == levels
    state.end()


@KERNELS
def test_infinities_and_negative_zero_are_kept(kernel: ModuleType | None) -> None:
    out = new_writer(kernel)
    out.put_floats([math.inf, -math.inf, -0.0])

    assert str(Reader(out.done()).take_floats()) == "[inf, -inf, -0.0]"


@KERNELS
def test_the_layout_is_little_endian_and_stays_so(kernel: ModuleType | None) -> None:
    out = new_writer(kernel)
    out.put_int(None, 258)
    out.put_floats([1.5])
    out.put_integers([7])

    expected = "4f4249040001020100000000000001000000000000000000f83f01000000000e"
    assert out.done().hex() == expected


@KERNELS
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_an_integer_that_has_no_room_is_an_error(kernel: ModuleType | None, number: int) -> None:
    for put in (new_writer(kernel).put_int, lambda value: new_writer(kernel).put_integers([value])):
        with pytest.raises(OverflowError):
            put(number)


@KERNELS
@pytest.mark.parametrize("values", [None, "x", ["x"], [1.0, object()]])
@pytest.mark.parametrize("name", ["put_floats", "put_decimals", "put_integers"])
def test_what_is_no_number_is_an_error(kernel: ModuleType | None, name: str, values: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        getattr(new_writer(kernel), name)(values)


@BUILT
@pytest.mark.parametrize(
    "books",
    [np.zeros((1, 2, 9, 2), np.float32), np.zeros((1, 2, 9, 3)), np.zeros((1, 3, 9, 2)), np.zeros((2, 9, 2))],
    ids=["narrow", "triples", "three_sides", "flat"],
)
def test_the_compiled_writer_takes_no_books_of_another_shape(books: Any) -> None:
    with pytest.raises(ValueError, match="expected blocks of float64"):
        new_writer().put_book(books)


@KERNELS
def test_a_book_that_is_not_there_is_an_error(kernel: ModuleType | None) -> None:
    with pytest.raises(IndexError):
        new_writer(kernel).put_book(np.ones((2, 2, 9, 2)), 2)


@BUILT
def test_the_compiled_writer_takes_no_array_of_another_type() -> None:
    with pytest.raises(ValueError, match="expected an array of the type 'q'"):
        new_writer().put_integers(array("i", [1]))


@BUILT
def test_the_compiled_writer_leaks_nothing() -> None:
    before = 0
    for number in range(20):
        for _ in range(5_000):
            out = new_writer()
            out.put_int(1, None)
            out.put_floats([1.0, 2.0])
            out.put_integers(array("q", range(64)))
            out.put_written(bytes(5_000))
            out.put_book(np.ones((1, 2, 20, 2)))
            with pytest.raises(TypeError):
                out.put_decimals([1.0, "x"])  # type: ignore[list-item]
            out.done()
        if number == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000, "kB in 75 000 rounds"


@pytest.mark.parametrize("state", [b"", b"OBI", b"\x80\x04pickle", STATE_TAG[:-1] + b"\xff"])
def test_bytes_of_another_kind_are_refused(state: bytes) -> None:
    with pytest.raises(StateError, match="expected a state that starts with"):
        Reader(state)


def test_an_integer_that_must_be_there_is_asked_for() -> None:
    with pytest.raises(StateError, match="received none"):
        Reader(STATE_TAG + b"\0").take_int()


def test_a_count_beyond_the_end_is_refused() -> None:
    with pytest.raises(StateError, match="more bytes of state"):
        Reader(STATE_TAG + b"\xff\xff\xff\xff").take_floats()


def test_what_is_left_over_is_refused() -> None:
    with pytest.raises(StateError, match="expected the end"):
        Reader(STATE_TAG + b"\0").end()
