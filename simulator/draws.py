"""Owns randomness: endless streams of integers, equal on every platform and every numpy.

Rule 1: only raw 64-bit words of PCG64 are used (numpy promises those for ever, but not the methods of `Generator`).
Rule 2: a distribution is a table of 4096 integers; a draw is the table at the top 12 bits of a word.
Rule 3: each purpose has its own stream, so that a new purpose never reshuffles the draws of another.
"""

from __future__ import annotations

import math
from itertools import chain
from statistics import NormalDist
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLE_BITS = 12
TABLE_SIZE = 1 << TABLE_BITS
"""Rows of each table; a probability p is the threshold p * TABLE_SIZE on a `rolls` stream."""

_BLOCK = 2048
_SHIFT = np.uint64(64 - TABLE_BITS)


class Draws:
    """Source of independent integer streams for one instrument.

    Args:
        seed: Seed of the whole market, >= 0.
        name: Name of the instrument, e.g. "binance-spot:BTCUSDT". Streams depend on seed, name and purpose only,
            hence never on which other instruments are simulated.
    """

    def __init__(self, seed: int, name: str) -> None:
        self._seed = seed
        self._name = crc32(name.encode())

    def stream(self, purpose: str, table: Sequence[int]) -> Iterator[int]:
        """Return an endless iterator of entries of `table` (TABLE_SIZE integers), each row equally likely."""
        if len(table) != TABLE_SIZE:
            msg = f"expected a table of {TABLE_SIZE} rows, received {len(table)}"
            raise ValueError(msg)
        words = np.random.PCG64(np.random.SeedSequence([self._seed, self._name, crc32(purpose.encode())]))
        return chain.from_iterable(_blocks(words, np.asarray(table, dtype=np.int64)))

    def rolls(self, purpose: str) -> Iterator[int]:
        """Return an endless iterator of integers uniform in [0, TABLE_SIZE)."""
        return self.stream(purpose, range(TABLE_SIZE))


def exponential(mean: float) -> list[int]:
    """Return the table of an exponential law with that mean, each value at least 1."""
    return [max(1, round(-math.log(1.0 - u) * mean)) for u in _quantiles()]


def lognormal(median: float, sigma: float) -> list[int]:
    """Return the table of a log-normal law (sigma = deviation of the logarithm), each value at least 1."""
    normal = NormalDist()
    return [max(1, round(median * math.exp(sigma * normal.inv_cdf(u)))) for u in _quantiles()]


def odds(scale: float, power: float = 1.0, *, highest: int | None = None) -> list[int]:
    """Return the table of 1 + scale * (u / (1 - u)) ** power: median about `scale`, a tail with index 1 / power."""
    values = [1 + int(scale * (u / (1.0 - u)) ** power) for u in _quantiles()]
    return values if highest is None else [min(highest, value) for value in values]


def pareto(alpha: float, *, highest: int) -> list[int]:
    """Return the table of floor(v ** (-1 / alpha)), capped at `highest`: mostly 1, tail index `alpha`."""
    return [min(highest, int((1.0 - u) ** (-1.0 / alpha))) for u in _quantiles()]


def uniform(low: int, high: int) -> list[int]:
    """Return the table of integers spread evenly over [low, high]."""
    return [low + i * (high - low + 1) // TABLE_SIZE for i in range(TABLE_SIZE)]


def _quantiles() -> list[float]:
    return [(i + 0.5) / TABLE_SIZE for i in range(TABLE_SIZE)]


def _blocks(words: np.random.PCG64, table: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[list[int]]:
    while True:
        yield table[(words.random_raw(_BLOCK) >> _SHIFT).astype(np.intp)].tolist()
