"""Which of the record's fields are features, and which way each of them points.

Owns the choice; the fields themselves are the record's one definition. A field that can be negative points up when it is
positive. One that can't has no direction, but for the depth ratio, whose middle is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consumers.evaluation.errors import EvaluationError
from orderbook.record import FIELDS

_IDENTITY: Final = frozenset(
    {"schema", "seq", "event_time_ms", "transaction_time_ms", "receive_time_ns", "update_id", "gaps"}
)
_PRICES: Final = frozenset({"best_bid", "best_ask", "mid_price", "micro_price"})
"""Where the market is, not where it goes: a price level as a feature would predict by its trend alone."""

_MIDDLE: Final = {"order_book_depth_ratio": 1.0}

MICRO_PRICE: Final = "micro_price_bps"
"""Made here: (micro_price - mid_price) / mid_price in basis points; its sign is that of the best levels' imbalance."""


@dataclass(frozen=True)
class Feature:
    """A feature; ``middle`` is the value that calls neither up nor down, None when it has no direction."""

    name: str
    middle: float | None


FEATURES: Final = (
    *(
        Feature(field.name, 0.0 if field.minimum is None or field.minimum < 0 else _MIDDLE.get(field.name))
        for field in FIELDS
        if field.kind in {"int", "float"} and field.name not in _IDENTITY | _PRICES
    ),
    Feature(MICRO_PRICE, 0.0),
)


def choose(names: Sequence[str]) -> tuple[Feature, ...]:
    """The features of these names; all without a name.

    Raises:
        EvaluationError: a name that is none of them.
    """
    known = {feature.name: feature for feature in FEATURES}
    if unknown := [name for name in names if name not in known]:
        raise EvaluationError(f"expected features out of {', '.join(known)}; received {', '.join(unknown)}")
    return tuple(known[name] for name in names) or FEATURES
