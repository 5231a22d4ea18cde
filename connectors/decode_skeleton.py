"""Levels as columns: the numbers of many depth messages parsed at once, in the exchange's own compact spelling.

Owns the proof that a piece of text is exactly ``"b":[["1.0","2"],...],"a":[["3","4"],...]`` (or ``bids`` and ``asks``),
and nothing that merely resembles it:

1. Without its digits and dots the piece equals the skeleton for some counts of levels, so signs, exponents, spaces,
   escapes, other nestings and other keys are out.
2. No digit or dot stands beside anything but digits, dots and quotes. With 1, all of them are then inside the quotes of
   numbers: the skeleton has two quotes side by side nowhere else.
3. So when brackets, quotes and key letters are deleted, one text of digits and dots is left for each number, with one
   comma between two: JSON's own grammar then accepts exactly the good ones ("1.2.3" and "01" are refused).
4. There are as many numbers as the skeletons have places for: none is "".
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

_NUMERIC: Final = b"0123456789."
_STRUCTURE: Final = b'[]":abidsk'
_COMMAS: Final = bytes.maketrans(b"\n", b",")
_QUOTE: Final = ord('"')
_DOT: Final = ord(".")
_DIGITS_FROM_DOT: Final = ord("9") - _DOT + 1
_LEVEL: Final = b'["",""]'

_LONGEST: Final = 2048
"""Bytes of a skeleton that is remembered: about 250 levels. Longer ones are counted anew each time."""


class Levels(NamedTuple):
    """The levels of some messages, in their order.

    Attributes:
        numbers: float64, price and quantity in turn: bids, then asks, of the first message, then of the next.
        counts: int, shape (n, 2): levels of each side.
    """

    numbers: npt.NDArray[np.float64]
    counts: npt.NDArray[np.intp]

    def only(self, good: list[bool]) -> Levels:
        """The levels of the messages that are good."""
        kept = np.array(good)
        return Levels(self.numbers[np.repeat(kept, 2 * self.counts.sum(axis=1))], self.counts[kept])


def count_levels(pieces: list[bytes]) -> list[tuple[int, int] | None]:
    """(bids, asks) of each piece; None where it does not equal a skeleton (rule 1)."""
    skeleton = b"\n".join(pieces).translate(None, _NUMERIC)
    first = skeleton.partition(b"\n")[0]
    if skeleton == b"\n".join([first] * len(pieces)):  # the usual case: all have 20 and 20
        return [_count(first)] * len(pieces)
    skeletons = skeleton.split(b"\n")
    if len(skeletons) != len(pieces):  # a piece has a line break in it
        skeletons = [piece.translate(None, _NUMERIC) for piece in pieces]
    return [_count(each) for each in skeletons]


def _count(skeleton: bytes) -> tuple[int, int] | None:
    return _count_short(skeleton) if len(skeleton) <= _LONGEST else _count_anew(skeleton)


@lru_cache(maxsize=4096)
def _count_short(skeleton: bytes) -> tuple[int, int] | None:
    return _count_anew(skeleton)


def _count_anew(skeleton: bytes) -> tuple[int, int] | None:
    for bid_key, ask_key in ((b'"b":[', b'],"a":['), (b'"bids":[', b'],"asks":[')):
        if not skeleton.startswith(bid_key):
            continue
        split = skeleton.find(ask_key)
        # n levels with the commas between them are 8 n - 1 bytes, and none are 0.
        bids = (split - len(bid_key) + 1) // 8
        asks = (len(skeleton) - split - len(ask_key)) // 8
        exact = bid_key + b",".join([_LEVEL] * bids) + ask_key + b",".join([_LEVEL] * asks) + b"]"
        return (bids, asks) if split >= 0 and skeleton == exact else None
    return None


def parse_levels(pieces: list[bytes], counts: list[tuple[int, int]]) -> Levels | None:
    """The numbers of pieces that equal their skeletons; None when a rule from 2 on fails for any of them."""
    joined = b"\n".join(pieces)
    if _has_stray_digits(joined):
        return None
    shape = np.fromiter(chain.from_iterable(counts), np.intp, 2 * len(counts)).reshape(-1, 2)
    if not shape.all():
        # An empty side would leave a comma without a number before or after it.
        bare = (
            piece if all(count) else piece.translate(None, _STRUCTURE).strip(b",")
            for piece, count in zip(pieces, counts, strict=True)
        )
        joined = b"\n".join([numbers for numbers in bare if numbers])
    try:
        numbers = orjson.loads(b"[" + joined.translate(_COMMAS, _STRUCTURE) + b"]")
    except orjson.JSONDecodeError:
        return None
    if len(numbers) != 2 * int(shape.sum()):
        return None
    # Twice as quick as numpy's own conversion of a list.
    return Levels(np.frombuffer(struct.pack(f"{len(numbers)}d", *numbers)), shape)


def _has_stray_digits(joined: bytes) -> bool:
    """Whether a digit or dot touches anything that is neither a digit, a dot nor a quote (rule 2)."""
    text = np.frombuffer(joined, np.uint8)
    # '/' lies between '.' and '0'; no skeleton holds one. Unsigned: what is below '.' wraps to a large number.
    numeric = (text - np.uint8(_DOT)) < _DIGITS_FROM_DOT
    structural = (text != _QUOTE) ^ numeric
    return bool((numeric[1:] & structural[:-1]).any() or (numeric[:-1] & structural[1:]).any())
