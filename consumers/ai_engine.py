"""Order-book features in an AI engine's own dictionary of features, beside all the others that its models take.

Owns how features are marked missing, and the line that is logged. Nothing here waits: no timeout around it is needed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, MutableMapping
from typing import Final, Protocol

LOG: Final = logging.getLogger("obi.ai_engine")

_IN_LINE: Final = (
    ("imbalance", "orderflow_imbalance", ".3f"),
    ("delta", "delta_volume", ".2f"),
    ("depth_ratio", "order_book_depth_ratio", ".3f"),
    ("large_orders", "large_order_presence", ".2f"),
)


class FeatureSource(Protocol):
    """Who knows features: a ``FeatureReader`` or its asyncio twin."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names that ``features`` gives."""

    def features(self, symbol: str, venue: str | None = None) -> dict[str, float] | None:
        """The features of an instrument, or None."""

    def why_missing(self, symbol: str, venue: str | None = None) -> str | None:
        """Why there are none."""


class Enricher:
    """Puts order-book features into dictionaries.

    Args:
        source: Where they come from; it also says which ones (``FeatureReader(features=...)``).
        missing: What stands for a feature that can't be had; NaN is what XGBoost and LightGBM take as missing.
        flag: Name of one more feature, 1.0 when the others are there and 0.0 when not; None: no such feature.
    """

    def __init__(self, source: FeatureSource, *, missing: float = math.nan, flag: str | None = None) -> None:
        self._source = source
        self._missing = missing
        self._flag = flag
        self._told: dict[str, bool] = {}

    def enrich(self, features: MutableMapping[str, float], symbol: str, venue: str | None = None) -> str | None:
        """Put the features of an instrument into ``features``, or mark all of them missing.

        What is there is logged as information each time; what is missing as a warning when it begins.

        Returns:
            Why they are missing; None when they are there.
        """
        found = self._source.features(symbol, venue)
        why = None
        if found is None:
            # By now it may have come: then there is no reason any more, and the next call has it.
            why = self._source.why_missing(symbol, venue) or f"features of {symbol} have only just come"
            found = dict.fromkeys(self._source.feature_names, self._missing)
        features.update(found)
        if self._flag is not None:
            features[self._flag] = float(why is None)
        self._log(symbol if venue is None else f"{venue}:{symbol}", found, why)
        return why

    def _log(self, instrument: str, found: Mapping[str, float], why: str | None) -> None:
        if why is None:
            if LOG.isEnabledFor(logging.INFO):
                LOG.info("%s", log_line(found))
        elif self._told.get(instrument, True):
            LOG.warning("Orderbook: missing for %s: %s", instrument, why)
        self._told[instrument] = why is None


def log_line(features: Mapping[str, float]) -> str:
    """One line of what the book looks like; a feature that is not there is nan.

    >>> log_line(
    ...     {
    ...         "orderflow_imbalance": 0.2349,
    ...         "delta_volume": 12.45,
    ...         "order_book_depth_ratio": 1.1231,
    ...         "large_order_presence": 0.2,
    ...     }
    ... )
    'Orderbook: imbalance=0.235, delta=12.45, depth_ratio=1.123, large_orders=0.20'
    """
    values = (f"{short}={features.get(name, math.nan):{spec}}" for short, name, spec in _IN_LINE)
    return f"Orderbook: {', '.join(values)}"
