"""An engine's features have the order book's, or say that they are missing."""

from __future__ import annotations

import logging
import math

import pytest

from consumers.ai_engine import Enricher, log_line
from orderbook.record import CORE_FEATURES
from tests.consumers.records import FIVE, SYMBOL

LINE = "Orderbook: imbalance=0.235, delta=12.45, depth_ratio=1.123, large_orders=0.20"


class Source:
    """Features as the test says."""

    feature_names = CORE_FEATURES

    def __init__(self) -> None:
        self.there: dict[str, float] | None = dict(FIVE)
        self.why: str | None = None

    def features(self, symbol: str, venue: str | None = None) -> dict[str, float] | None:
        return self.there

    def why_missing(self, symbol: str, venue: str | None = None) -> str | None:
        return self.why


def test_the_five_join_what_is_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    features = {"rsi": 55.0, "delta_volume": -1.0}

    assert Enricher(Source()).enrich(features, SYMBOL) is None
    assert features == {"rsi": 55.0, **FIVE}
    assert caplog.messages == [LINE]


def test_the_line_is_exactly_this() -> None:
    assert log_line(FIVE) == LINE
    assert (
        log_line({"orderflow_imbalance": -0.5})
        == "Orderbook: imbalance=-0.500, delta=nan, depth_ratio=nan, large_orders=nan"
    )


def test_missing_features_are_marked_and_old_ones_do_not_stay(caplog: pytest.LogCaptureFixture) -> None:
    source, features = Source(), {"rsi": 55.0}
    enricher = Enricher(source, flag="orderbook_known")
    enricher.enrich(features, SYMBOL)
    source.there, source.why = None, "the book is crossed"

    for _ in range(3):
        assert enricher.enrich(features, SYMBOL) == "the book is crossed"
    assert all(math.isnan(features[name]) for name in CORE_FEATURES)
    assert (features["rsi"], features["orderbook_known"]) == (55.0, 0.0)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["Orderbook: missing for BTCUSDT: the book is crossed"]

    source.there = dict(FIVE)

    assert enricher.enrich(features, SYMBOL) is None
    assert features == {"rsi": 55.0, **FIVE, "orderbook_known": 1.0}


def test_another_mark_can_be_chosen() -> None:
    source, features = Source(), dict[str, float]()
    source.there = None

    assert Enricher(source, missing=-1.0).enrich(features, SYMBOL) == "features of BTCUSDT have only just come"
    assert features == dict.fromkeys(CORE_FEATURES, -1.0)
