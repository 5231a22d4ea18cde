"""State as bytes: what is written is read, to the last bit."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.codec import STATE_TAG, Reader, StateError, Writer

ints = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)


@given(st.lists(st.none() | ints), floats, st.lists(floats))
def test_what_is_written_is_read(integers: list[int | None], number: float, numbers: list[float]) -> None:
    out = Writer()
    out.put_int(*integers)
    out.put_float(number)
    out.put_floats(numbers)
    state = Reader(out.done())

    assert [state.take_optional_int() for _ in integers] == integers
    assert struct.pack("d", state.take_float()) == struct.pack("d", number)
    assert [struct.pack("d", n) for n in state.take_floats()] == [struct.pack("d", n) for n in numbers]
    state.end()


@given(st.lists(ints), st.lists(floats), st.lists(floats))
def test_what_is_written_in_few_bytes_is_read(integers: list[int], some: list[float], ordered: list[float]) -> None:
    out = Writer()
    out.put_integers(integers)
    out.put_decimals(some)
    out.put_decimals(ordered, steps=True)
    state = Reader(out.done())

    assert state.take_integers() == integers
    assert state.take_decimals() == some
    assert state.take_decimals(steps=True) == ordered
    state.end()


def test_infinities_and_negative_zero_are_kept() -> None:
    out = Writer()
    out.put_floats([math.inf, -math.inf, -0.0])

    assert str(Reader(out.done()).take_floats()) == "[inf, -inf, -0.0]"


def test_the_layout_is_little_endian_and_stays_so() -> None:
    out = Writer()
    out.put_int(None, 258)
    out.put_floats([1.5])
    out.put_integers([7])

    expected = "4f4249040001020100000000000001000000000000000000f83f01000000000e"
    assert out.done().hex() == expected


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
