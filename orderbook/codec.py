"""State as bytes: numbers, optional numbers, arrays and texts, one after the other, with a version tag in front.

Owns the byte layout only; what is written in which order is the business of each state's owner. Little-endian,
fixed-width; floats keep every bit. Not pickle: class paths change, these bytes must stay readable.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from types import ModuleType
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from kernels import compiled
from orderbook.decimals import packed_decimals, packed_integers, take_decimals, take_integers

STATE_TAG: Final = b"OBI\x04"
"""First bytes of a state; the last one is the version of the layout."""

KERNEL: Final = compiled("states")
"""``Writer`` compiled, None where there is none."""

_INT: Final = struct.Struct("<q")
_FLOAT: Final = struct.Struct("<d")
_COUNT: Final = struct.Struct("<I")

Number = TypeVar("Number", int, float)


class StateError(ValueError):
    """Bytes that are no state of this version: says what was expected and what came."""


def _little_endian(numbers: array[Number]) -> array[Number]:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers


class Writer:
    """Collects the parts of a state. Plain Python here; ``kernels.states`` has the same compiled.

    Args:
        begin: The first bytes.
    """

    __slots__ = ("_parts",)

    def __init__(self, begin: bytes = b"") -> None:
        self._parts: list[bytes] = [begin]

    def put_int(self, *values: int | None) -> None:
        """Integers below 2^63, each with a mark that tells None apart.

        Raises:
            OverflowError: one is greater.
        """
        for value in values:
            self._parts.append(b"\0" if value is None else b"\1" + value.to_bytes(8, "little", signed=True))

    def put_float(self, *values: float) -> None:
        """Floats, infinities included."""
        self._parts.append(_little_endian(array("d", values)).tobytes())

    def put_floats(self, values: Iterable[float]) -> None:
        """Any number of floats, counted."""
        numbers = array("d", values)
        self._parts += (_COUNT.pack(len(numbers)), _little_endian(numbers).tobytes())

    def put_decimals(self, values: Iterable[float], *, steps: bool = False) -> None:
        """The same in few bytes, where they are prices and quantities as people write them; ``steps``: in some order."""
        self._parts.append(packed_decimals(values, steps=steps, kernel=None))

    def put_integers(self, values: Iterable[int]) -> None:
        """Any number of integers below 2^63, counted, in few bytes where they rise or are small."""
        self._parts.append(packed_integers(values, kernel=None))

    def put_book(self, block: npt.NDArray[np.float64], row: int = 0) -> None:
        """Both sides of one book of a block, shape (n, 2, w, 2): prices as steps, and quantities, without absent levels.

        Those come last, and have the price 0.0.
        """
        for side in block[row]:
            levels = side[: np.count_nonzero(side[:, 0])]
            self.put_decimals(levels[:, 0].tolist(), steps=True)
            self.put_decimals(levels[:, 1].tolist())

    def put_written(self, part: bytes) -> None:
        """What was written elsewhere, by these rules."""
        self._parts.append(part)

    def done(self) -> bytes:
        """The state so far."""
        return b"".join(self._parts)


def new_writer(kernel: ModuleType | None = KERNEL) -> Writer:
    """A state that begins; ``kernel``: the compiled writer, None for the plain one."""
    made: Writer = (Writer if kernel is None else kernel.Writer)(STATE_TAG)
    return made


class Reader:
    """Takes a state apart, in the order in which it was written."""

    __slots__ = ("_at", "_state")

    def __init__(self, state: bytes) -> None:
        self._state = state
        self._at = 0
        self.take_tag()

    def _take(self, size: int) -> bytes:
        part = self._state[self._at : self._at + size]
        if len(part) != size:
            raise StateError(f"expected {size} more bytes of state at byte {self._at}, received {len(part)}")
        self._at += size
        return part

    def take_tag(self) -> None:
        """The version tag: at the start, and where one state follows another."""
        begin = self._state[self._at : self._at + 8]
        if begin[: len(STATE_TAG)] != STATE_TAG:
            raise StateError(f"expected a state that starts with {STATE_TAG!r}, received {begin!r}")
        self._at += len(STATE_TAG)

    def take_optional_int(self) -> int | None:
        """Next integer, or None."""
        return None if self._take(1) == b"\0" else int(_INT.unpack(self._take(_INT.size))[0])

    def take_int(self) -> int:
        """Next integer, which must be there."""
        value = self.take_optional_int()
        if value is None:
            raise StateError(f"expected an integer before byte {self._at}, received none")
        return value

    def take_float(self) -> float:
        """Next float."""
        return float(_FLOAT.unpack(self._take(_FLOAT.size))[0])

    def take_floats(self) -> list[float]:
        """Next counted floats."""
        count = _COUNT.unpack(self._take(_COUNT.size))[0]
        numbers = array("d", self._take(8 * count))
        return _little_endian(numbers).tolist()

    def take_decimals(self, *, steps: bool = False) -> list[float]:
        """Next floats of ``put_decimals``, which were written with the same ``steps``."""
        return take_decimals(self._take, steps=steps)

    def take_integers(self) -> list[int]:
        """Next integers of ``put_integers``."""
        return take_integers(self._take)

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._state):
            raise StateError(f"expected the end of the state at byte {self._at}, received {len(self._state)} bytes")
