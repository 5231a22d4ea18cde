"""Prices, quantities and ids in few bytes: how a state holds thousands of them.

Owns that layout; ``kernels.decimals`` writes the same bytes, compiled. A level that takes 16 bytes as two floats takes 3.

Rule 1: numbers are counted (4 bytes). An integer of either sign takes 1, 2, 4 or 8 bytes (0, -1, 1, -2 ... are 0, 1, 2, 3 ...).
        Which, stands in two bits each, four to a byte, the first in the lowest bits, before all of them.
Rule 2: with ``steps``, each integer is written as its difference from the one before, the first from 0.
Rule 3: floats are written as integers with the least number of decimals, 0 .. 8, that tells all of them exactly; that
        number is a byte behind the count. 0xFF: there is none (or they are 2^51 and more), and the floats are written as such.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from kernels import compiled

KERNEL: Final = compiled("decimals")
"""The loops of writing compiled, None where there are none."""

_COUNT: Final = struct.Struct("<I")
_NO_DECIMALS: Final = 0xFF
_MOST_DECIMALS: Final = 8
_INTEGERS_BELOW: Final = 2**51

_Integers = npt.NDArray[np.int64]


def packed_decimals(values: Iterable[float], *, steps: bool = False, kernel: ModuleType | None = KERNEL) -> bytes:
    """Any floats, infinities included, which are the same numbers again (-0.0 may be 0.0)."""
    if kernel is not None:
        written: bytes = kernel.decimals(values, steps)
        return written
    floats = np.array(list(values), np.float64)
    count = _COUNT.pack(len(floats))
    for decimals in range(_MOST_DECIMALS + 1):
        power = 10.0**decimals
        with np.errstate(over="ignore", invalid="ignore"):
            integers = np.rint(floats * power)
        if (np.abs(integers) < _INTEGERS_BELOW).all() and (integers / power == floats).all():
            return count + bytes((decimals,)) + _packed(integers.astype(np.int64), steps=steps)
    return count + bytes((_NO_DECIMALS,)) + floats.astype("<f8").tobytes()


def packed_integers(values: Iterable[int], *, kernel: ModuleType | None = KERNEL) -> bytes:
    """Integers from -2^63 to 2^63 - 1, as steps."""
    if kernel is not None:
        written: bytes = kernel.integers(values)
        return written
    integers = np.array(list(values), np.int64)
    return _COUNT.pack(len(integers)) + _packed(integers, steps=True)


def _packed(integers: _Integers, *, steps: bool) -> bytes:
    if steps:
        integers = np.diff(integers, prepend=np.int64(0))
    unsigned = ((integers << 1) ^ (integers >> 63)).view(np.uint64)
    sizes = np.zeros(-(-len(unsigned) // 4) * 4, np.uint8)
    sizes[: len(unsigned)] = np.sum([unsigned > most for most in (0xFF, 0xFFFF, 0xFFFFFFFF)], axis=0)
    octets = unsigned.astype("<u8").view(np.uint8).reshape(-1, 8)
    told = np.sum(sizes.reshape(-1, 4) << _SHIFTS, axis=1, dtype=np.uint8)
    return told.tobytes() + octets[_taken(sizes[: len(unsigned)])].tobytes()


_SHIFTS: Final = np.array([0, 2, 4, 6], np.uint8)


def _taken(sizes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which of its eight bytes each integer takes, shape (n, 8)."""
    return np.arange(8) < (1 << sizes.astype(np.int64))[:, np.newaxis]


def take_decimals(take: Callable[[int], bytes], *, steps: bool = False) -> list[float]:
    """What ``packed_decimals`` wrote; ``take`` gives the next bytes, so many."""
    count, decimals = _COUNT.unpack(take(_COUNT.size))[0], take(1)[0]
    if decimals == _NO_DECIMALS:
        floats = np.frombuffer(take(8 * count), "<f8")
    else:
        floats = _integers(take, count, steps=steps) / 10.0**decimals
    numbers: list[float] = floats.tolist()
    return numbers


def take_integers(take: Callable[[int], bytes]) -> list[int]:
    """What ``packed_integers`` wrote."""
    numbers: list[int] = _integers(take, _COUNT.unpack(take(_COUNT.size))[0], steps=True).tolist()
    return numbers


def _integers(take: Callable[[int], bytes], count: int, *, steps: bool) -> _Integers:
    told = np.frombuffer(take(-(-count // 4)), np.uint8)
    taken = _taken((told[:, np.newaxis] >> _SHIFTS & np.uint8(3)).ravel()[:count])
    octets = np.zeros((count, 8), np.uint8)
    octets[taken] = np.frombuffer(take(int(np.count_nonzero(taken))), np.uint8)
    unsigned = octets.view("<u8").ravel()
    integers = (unsigned >> np.uint64(1)).astype(np.int64) ^ -(unsigned & np.uint64(1)).astype(np.int64)
    return np.cumsum(integers, dtype=np.int64) if steps else integers
