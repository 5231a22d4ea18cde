"""Where the signal rules begin to act: fixed limits, or limits that follow each symbol's own past.

A fixed number of base units or per cent means something else for each symbol (|imbalance| > 0.3 holds for three of four
books of BTCUSDT). Owns the running limits. They are deterministic, and exact over a bounded window: they depend on the last
values alone, whatever came before, and the limits for a value come from the values before it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True)
class Limits:
    """Where each rule begins to act; the rule acts beyond, not at, its limit.

    Attributes:
        imbalance_low: ``orderflow_imbalance`` below this is for sellers.
        imbalance_high: Above this, for buyers.
        delta_low: ``delta_volume`` below this is for sellers; the symbol's base units.
        delta_high: Above this, for buyers.
        spread_pct: ``bid_ask_spread_pct`` above this is too dear; per cent.
        ratio_low: ``order_book_depth_ratio`` below this: thin bids.
        ratio_high: Above this: thin asks.
        large_orders: ``large_order_presence`` above this: wait.
    """

    imbalance_low: float = -0.3
    imbalance_high: float = 0.3
    delta_low: float = -50.0
    delta_high: float = 50.0
    spread_pct: float = 0.1
    ratio_low: float = 0.67
    ratio_high: float = 1.5
    large_orders: float = 0.5


class Observations:
    """The last ``size`` values of something, in order of time and of magnitude."""

    def __init__(self, size: int) -> None:
        self._values: deque[float] = deque()
        self._sorted: list[float] = []
        self._size = size

    def __len__(self) -> int:
        return len(self._values)

    def push(self, value: float) -> None:
        """Add a finite value; the oldest falls out of a full window."""
        value += 0.0  # minus zero is zero: equal values must not differ in the sorted list
        if len(self._values) == self._size:
            oldest = self._values.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._values.append(value)
        insort(self._sorted, value)

    def quantile(self, share: float) -> float:
        """The smallest value that at least this share (in (0, 1]) of the values do not exceed.

        Source: Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 1.

        >>> window = Observations(10)
        >>> for value in (4.0, 1.0, 3.0, 2.0):
        ...     window.push(value)
        >>> window.quantile(0.5)
        2.0
        """
        numerator, denominator = share.as_integer_ratio()
        rank = -(-numerator * len(self._sorted) // denominator)
        return self._sorted[max(rank, 1) - 1]

    def mean(self) -> float:
        """The mean, from the exactly rounded sum."""
        return math.fsum(self._sorted) / len(self._sorted)

    def deviation(self) -> float:
        """The standard deviation of the window as a population, in two passes."""
        mean = self.mean()
        return math.sqrt(math.fsum((value - mean) ** 2 for value in self._sorted) / len(self._sorted))


Band: TypeAlias = Callable[[Observations], tuple[float, float]]
"""From the values so far: below which and above which a value is unusual."""


def quantile_band(tail: float = 0.1) -> Band:
    """Unusual are the values below the ``tail`` quantile and above the ``1 - tail`` quantile; in (0, 0.5)."""
    if not 0.0 < tail < 0.5:
        raise ValueError(f"tail: expected a share between 0 and 0.5, received {tail}")
    return lambda seen: (seen.quantile(tail), seen.quantile(1.0 - tail))


def z_score_band(z: float = 1.5) -> Band:
    """Unusual are the values more than ``z`` standard deviations away from the mean; above 0."""
    if not z > 0.0:
        raise ValueError(f"z: expected more than 0, received {z}")

    def band(seen: Observations) -> tuple[float, float]:
        mean, reach = seen.mean(), z * seen.deviation()
        return mean - reach, mean + reach

    return band


_FOLLOWED: Final = (
    "orderflow_imbalance",
    "delta_volume",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
)


class RunningLimits:
    """Limits that follow the last values of each symbol.

    Args:
        band: ``quantile_band()`` or ``z_score_band()``.
        window: Values of each feature and symbol that are remembered.
        warm_up: So many must be known first; at most ``window``.

    Raises:
        ValueError: A value outside of its limits.
    """

    def __init__(self, band: Band, *, window: int = 500, warm_up: int = 100) -> None:
        if not 1 <= warm_up <= window:
            raise ValueError(f"warm_up: expected 1 .. {window} (window), received {warm_up}")
        self._band = band
        self._window = window
        self._warm_up = warm_up
        self._seen: dict[str, dict[str, Observations]] = {}

    def update(self, symbol: str, features: Mapping[str, float]) -> Limits | None:
        """The limits for these features, from those before them, which are then joined by these.

        None while fewer than ``warm_up`` values of any of the five are known. What is not defined is not learned.
        """
        seen = self._seen.setdefault(symbol, {name: Observations(self._window) for name in _FOLLOWED})
        limits = None
        if all(len(values) >= self._warm_up for values in seen.values()):
            imbalance, delta, spread, ratio, large = (self._band(values) for values in seen.values())
            limits = Limits(*imbalance, *delta, spread[1], *ratio, large[1])
        for name, values in seen.items():
            value = features.get(name)
            if value is not None and math.isfinite(value):
                values.push(value)
        return limits
