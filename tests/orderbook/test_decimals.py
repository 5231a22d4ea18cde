"""Numbers in few bytes: what is written is read, the compiled loops write what the plain ones write, and how many bytes that is."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decimals import KERNEL, packed_decimals, packed_integers, take_decimals, take_integers

KERNELS = pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(None, id="plain"),
        pytest.param(
            KERNEL, id="compiled", marks=pytest.mark.skipif(KERNEL is None, reason="the kernels were not built")
        ),
    ],
)
ODD = [
    math.inf,
    -math.inf,
    5e-324,
    1e290,
    0.1 + 0.2,
    2.0**51,
    2.0**51 - 0.5,
    2.0**51 - 1,
    -(2.0**51),
    9007199254740993.0,
]

decimals = st.builds(lambda n, d: n / 10**d, st.integers(-(2**31), 2**31), st.integers(0, 9))
far = st.builds(lambda n, d: n / 10**d, st.integers(-(2**53), 2**53), st.integers(0, 9))
floats = st.floats(allow_nan=False) | st.sampled_from(ODD)
any_numbers = (
    st.lists(decimals, max_size=40) | st.lists(decimals | far, max_size=9) | st.lists(far | floats, max_size=9)
)


def taking(state: bytes) -> Callable[[int], bytes]:
    """Takes bytes off the front, as ``Reader`` does; all must be taken."""
    left = [state]

    def take(size: int) -> bytes:
        taken, left[0] = left[0][:size], left[0][size:]
        assert len(taken) == size
        return taken

    return take


@KERNELS
@given(numbers=any_numbers, steps=st.booleans())
def test_decimals_are_the_same_numbers_again(kernel: ModuleType | None, numbers: list[float], steps: bool) -> None:
    written = packed_decimals(iter(numbers), steps=steps, kernel=kernel)
    assert written == packed_decimals(numbers, steps=steps, kernel=None)
    take = taking(written + b"behind")
    assert take_decimals(take, steps=steps) == numbers
    assert take(6) == b"behind"


@KERNELS
@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300), max_size=40))
def test_integers_are_the_same_again(kernel: ModuleType | None, numbers: list[int]) -> None:
    written = packed_integers(iter(numbers), kernel=kernel)
    assert written == packed_integers(numbers, kernel=None)
    take = taking(written + b"behind")
    assert take_integers(take) == numbers
    assert take(6) == b"behind"


@KERNELS
def test_the_layout_is_this_and_stays_so(kernel: ModuleType | None) -> None:
    tenths = packed_decimals([0.1, -12.8, 12.8, 3276.8, 214748364.8], kernel=kernel)
    assert tenths.hex() == "05000000" + "01" + "9003" + "02" + "ff" + "0001" + "00000100" + "0000000001000000"
    assert packed_integers([7, 8, 6], kernel=kernel).hex() == "03000000" + "00" + "0e" + "02" + "03"
    assert packed_decimals([1e9 / 3], kernel=kernel).hex() == "01000000" + "ff" + "5555555543deb341"
    assert packed_decimals([], kernel=kernel).hex() == "00000000" + "00"


@KERNELS
@pytest.mark.parametrize(
    ("numbers", "size"),
    [
        pytest.param([n * 0.5 for n in range(1_000)], 1, id="neighbours"),
        pytest.param([n / 1_000 for n in range(0, 32_000, 32)], 1, id="even_steps"),
        pytest.param([n * 250.0 for n in range(1_000)], 2, id="wide_steps"),
    ],
)
def test_prices_in_order_take_a_byte_or_two(kernel: ModuleType | None, numbers: list[float], size: int) -> None:
    assert len(packed_decimals(numbers, steps=True, kernel=kernel)) <= 4 + 1 + 250 + size * 1_000 + 8


@KERNELS
def test_what_is_no_number_is_an_error_and_leaves_nothing_behind(kernel: ModuleType | None) -> None:
    with pytest.raises((TypeError, ValueError)):
        packed_decimals([1.0, "x"], kernel=kernel)  # type: ignore[list-item]
    with pytest.raises((TypeError, ValueError)):
        packed_integers([1, "x"], kernel=kernel)  # type: ignore[list-item]
    with pytest.raises(OverflowError):
        packed_integers([2**63], kernel=kernel)


@pytest.mark.skipif(KERNEL is None, reason="the kernels were not built")
def test_the_compiled_loops_leak_nothing() -> None:
    before = 0
    for number in range(20):
        for _ in range(5_000):
            packed_decimals([60_000.5, 1e290, 3.0])
            packed_integers(range(200))
        if number == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000, "kB in 75 000 rounds"
