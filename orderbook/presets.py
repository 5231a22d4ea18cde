"""The settings that change a record's numbers, their limits, and named sets of them.

Owns ``MeasureConfig``: what the measurer needs to know beside its state. Plain values only; where they come from
(file, environment, flags) is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Estimator: TypeAlias = Literal["swept", "price_gap"]
ESTIMATORS: Final[tuple[Estimator, ...]] = ("swept", "price_gap")

MAX_DEPTH_LEVELS: Final = 5_000
MAX_BOOK_LEVELS: Final = 20_000
MAX_DELTA_VOLUME_WINDOW: Final = 100_000

PRESETS: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "hft": MappingProxyType({"depth_levels": 10, "delta_volume_window": 50}),
        "swing": MappingProxyType({"depth_levels": 50, "delta_volume_window": 200}),
        "illiquid": MappingProxyType({"large_order_threshold_pct": 0.005}),
    }
)
"""Named starting points; every single value can still be set beside them."""


@dataclass(frozen=True)
class MeasureConfig:
    """What is measured, and over how much.

    Attributes:
        depth_levels: Levels of each side that count, best first; 1 .. 5 000.
        book_levels: Levels of each side that a full book keeps, best first; depth_levels .. 20 000.
        delta_volume_window: Aggressive events, and trades, in their windows; 1 .. 100 000.
        delta_estimator: ``swept`` (base units) or ``price_gap`` (price units, parity with the module that this project replaces).
        large_order_threshold_pct: Share of the volume of both sides above which a level is a large order; 0.01 is 1 %; in [0, 1].
        contract_sizes: Contract size in quote currency by COIN-M symbol, for those that differ from 100 (``BTCUSD*``) and 10.

    Raises:
        ValueError: A value outside of its limits.
    """

    depth_levels: int = 20
    book_levels: int = 5_000
    delta_volume_window: int = 100
    delta_estimator: Estimator = "swept"
    large_order_threshold_pct: float = 0.01
    contract_sizes: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.depth_levels <= MAX_DEPTH_LEVELS:
            raise ValueError(f"depth_levels: expected 1 .. {MAX_DEPTH_LEVELS}, received {self.depth_levels}")
        if not self.depth_levels <= self.book_levels <= MAX_BOOK_LEVELS:
            raise ValueError(
                f"book_levels: expected depth_levels ({self.depth_levels}) .. {MAX_BOOK_LEVELS}, received {self.book_levels}"
            )
        if not 1 <= self.delta_volume_window <= MAX_DELTA_VOLUME_WINDOW:
            raise ValueError(
                f"delta_volume_window: expected 1 .. {MAX_DELTA_VOLUME_WINDOW}, received {self.delta_volume_window}"
            )
        if self.delta_estimator not in ESTIMATORS:
            raise ValueError(f"delta_estimator: expected one of {ESTIMATORS}, received {self.delta_estimator!r}")
        if not 0.0 <= self.large_order_threshold_pct <= 1.0:
            raise ValueError(
                f"large_order_threshold_pct: expected 0 .. 1 (0.01 is 1 %), received {self.large_order_threshold_pct}"
            )


def contract_size(instrument: str, sizes: Mapping[str, float]) -> float | None:
    """Value of one contract in quote currency, None where quantities are base units (spot, USD-M).

    COIN-M quantities are contracts: notional = contracts * contract size, the price does not enter. Binance lists 100
    USD for ``BTCUSD`` contracts and 10 USD for all others; ``sizes`` (by symbol) says otherwise.

    >>> contract_size("binance-coinm:BTCUSD_PERP", {})
    100.0
    >>> contract_size("binance-usdm:BTCUSDT", {}) is None
    True
    """
    venue, _, symbol = instrument.partition(":")
    if venue != "binance-coinm":
        return None
    default = 100.0 if symbol.startswith("BTCUSD") else 10.0
    return float(sizes.get(symbol, default))
