"""State as bytes: what is written is read, to the last bit."""

from __future__ import annotations

import math
import struct
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook import codec
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


decimals = st.builds(lambda n, d: n / 10**d, st.integers(-(2**31), 2**31), st.integers(0, 9))
floats = st.floats(allow_nan=False) | st.sampled_from([math.inf, -math.inf, 5e-324, 1e290, 0.1 + 0.2])


@pytest.mark.parametrize("kernel", [None, codec.KERNEL], ids=["plain", "as built"])
@given(numbers=st.lists(decimals, max_size=9) | st.lists(decimals | floats, max_size=9))
def test_decimals_are_the_same_numbers_again(kernel: ModuleType | None, numbers: list[float]) -> None:
    expected = Writer()
    expected.put_decimals(numbers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "KERNEL", kernel)
        out = Writer()
        out.put_decimals(iter(numbers))
    assert out.done() == expected.done()
    state = Reader(out.done())
    assert state.take_decimals() == numbers
    state.end()


def test_prices_and_quantities_take_four_bytes_each() -> None:
    out = Writer()
    out.put_decimals([60_000.1, 0.001, 12.5] * 100)
    assert len(out.done()) == len(STATE_TAG) + 4 + 1 + 4 * 300
    out = Writer()
    out.put_decimals([60_000.1, 1e9 / 3])
    assert len(out.done()) == len(STATE_TAG) + 4 + 1 + 8 * 2


def test_infinities_and_negative_zero_are_kept() -> None:
    out = Writer()
    out.put_floats([math.inf, -math.inf, -0.0])

    assert str(Reader(out.done()).take_floats()) == "[inf, -inf, -0.0]"


def test_the_layout_is_little_endian_and_stays_so() -> None:
    out = Writer()
    out.put_int(None, 258)
    out.put_floats([1.5])
    out.put_bytes(b"\7")

    expected = "4f424904" + "00" + "01" + "0201000000000000" + "01000000" + "000000000000f83f" + "01000000" + "07"
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
