"""The rules do what they say, say why, and do nothing beside."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from consumers.limits import Limits
from consumers.signals import (
    RULES,
    Effects,
    Rule,
    Side,
    Signal,
    decide,
    delta_rule,
    depth_ratio_rule,
    imbalance_rule,
    large_orders_rule,
    spread_rule,
)
from orderbook.record import CORE_FEATURES
from tests.consumers.records import FIVE

CALM = {
    "orderflow_imbalance": 0.0,
    "delta_volume": 0.0,
    "bid_ask_spread_pct": 0.01,
    "order_book_depth_ratio": 1.0,
    "large_order_presence": 0.2,
}
IMBALANCE, DELTA, SPREAD, RATIO, LARGE = CORE_FEATURES


def signal(side: Side = "BUY") -> Signal:
    return Signal(side, confidence=0.6, size=2.0, stop_distance=10.0, take_profit=20.0)


@pytest.mark.parametrize(
    ("rule", "name", "told", "changed", "answer"),
    [
        (imbalance_rule, IMBALANCE, (0.31, "BUY"), {"confidence": 0.65}, ("confidence +0.05", "0.31 > 0.3")),
        (imbalance_rule, IMBALANCE, (0.31, "SELL"), {"confidence": 0.5}, ("confidence -0.10", "0.31 > 0.3")),
        (imbalance_rule, IMBALANCE, (-0.31, "SELL"), {"confidence": 0.65}, ("confidence +0.05", "-0.31 < -0.3")),
        (imbalance_rule, IMBALANCE, (-0.31, "BUY"), {"confidence": 0.5}, ("confidence -0.10", "-0.31 < -0.3")),
        (imbalance_rule, IMBALANCE, (0.3, "BUY"), {}, ("", "0.3 in -0.3 .. 0.3")),
        (delta_rule, DELTA, (50.1, "BUY"), {"size": 2.2}, ("size x1.1", "50.1 > 50")),
        (delta_rule, DELTA, (50.1, "SELL"), {"size": 1.6}, ("size x0.8", "50.1 > 50")),
        (delta_rule, DELTA, (-50.1, "SELL"), {"size": 2.2}, ("size x1.1", "-50.1 < -50")),
        (delta_rule, DELTA, (-50.1, "BUY"), {"size": 1.6}, ("size x0.8", "-50.1 < -50")),
        (delta_rule, DELTA, (-50.0, "BUY"), {}, ("", "-50 in -50 .. 50")),
        (spread_rule, SPREAD, (0.11, "SELL"), {"side": "HOLD"}, ("HOLD", "0.11 > 0.1")),
        (spread_rule, SPREAD, (0.1, "SELL"), {}, ("", "0.1 <= 0.1")),
        (depth_ratio_rule, RATIO, (1.51, "BUY"), {"stop_distance": 8.0}, ("stop x0.8", "1.51 > 1.5")),
        (depth_ratio_rule, RATIO, (1.51, "SELL"), {"stop_distance": 8.0}, ("stop x0.8", "1.51 > 1.5")),
        (depth_ratio_rule, RATIO, (0.66, "BUY"), {"take_profit": 16.0}, ("take-profit x0.8", "0.66 < 0.67")),
        (depth_ratio_rule, RATIO, (0.67, "BUY"), {}, ("", "0.67 in 0.67 .. 1.5")),
        (large_orders_rule, LARGE, (0.6, "BUY"), {"wait": True}, ("wait", "0.6 > 0.5")),
        (large_orders_rule, LARGE, (0.5, "BUY"), {}, ("", "0.5 <= 0.5")),
    ],
)
def test_what_a_rule_does_and_why(
    rule: Rule, name: str, told: tuple[float, Side], changed: dict[str, Any], answer: tuple[str, str]
) -> None:
    (value, side), (did, why) = told, answer
    outcome = rule(signal(side), {**CALM, name: value}, Limits(), Effects())

    assert outcome.signal.confidence == pytest.approx(changed.pop("confidence", 0.6))
    assert outcome.signal.size == pytest.approx(changed.pop("size", 2.0))
    assert replace(outcome.signal, confidence=0.6, size=2.0) == replace(signal(side), **changed)
    assert (outcome.did, outcome.why) == (did, f"{name} {why}")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("features", [{}, dict.fromkeys(CORE_FEATURES, math.nan)])
def test_a_feature_that_is_not_defined_does_nothing(rule: Rule, features: dict[str, float]) -> None:
    outcome = rule(signal(), features, Limits(), Effects())

    assert (outcome.signal, outcome.did) == (signal(), "")
    assert outcome.why.endswith("is not defined")


@pytest.mark.parametrize("rule", RULES)
def test_a_hold_stays_as_it_is(rule: Rule) -> None:
    extreme = {IMBALANCE: 1.0, DELTA: 1e9, SPREAD: 5.0, RATIO: 2.0, LARGE: 1.0}
    outcome = rule(signal("HOLD"), extreme, Limits(), Effects())

    assert (outcome.signal, outcome.did, outcome.why) == (signal("HOLD"), "", "the signal is HOLD")


@pytest.mark.parametrize(("confidence", "value", "expected"), [(0.98, 1.0, 1.0), (0.05, -1.0, 0.0)])
def test_confidence_stays_in_its_range(confidence: float, value: float, expected: float) -> None:
    outcome = imbalance_rule(Signal("BUY", confidence), {IMBALANCE: value}, Limits(), Effects())

    assert outcome.signal.confidence == expected


def test_every_limit_and_effect_is_a_setting() -> None:
    limits = Limits(
        imbalance_low=0.0, imbalance_high=0.1, delta_low=0.0, delta_high=1.0, ratio_high=1.1, large_orders=0.1
    )
    effects = Effects(with_imbalance=0.2, with_delta=3.0, stop_factor=0.5)
    decision = decide(signal(), FIVE, limits, effects)

    assert decision.signal == Signal("BUY", 0.8, 6.0, 5.0, 20.0, wait=True)
    assert decision.reasons == (
        "imbalance: confidence +0.20 (orderflow_imbalance 0.235 > 0.1)",
        "delta: size x3 (delta_volume 12.45 > 1)",
        "depth ratio: stop x0.5 (order_book_depth_ratio 1.123 > 1.1)",
        "large orders: wait (large_order_presence 0.2 > 0.1)",
    )


def test_all_rules_answer_and_later_ones_see_what_earlier_ones_did() -> None:
    decision = decide(signal(), {**CALM, SPREAD: 0.2, LARGE: 1.0})

    assert [outcome.rule for outcome in decision.outcomes] == [
        "imbalance",
        "delta",
        "spread",
        "depth ratio",
        "large orders",
    ]
    assert decision.reasons == ("spread: HOLD (bid_ask_spread_pct 0.2 > 0.1)",)
    assert decision.signal.side == "HOLD"
    assert not decision.signal.wait


def test_a_calm_book_changes_nothing() -> None:
    decision = decide(signal(), CALM)

    assert (decision.signal, decision.reasons) == (signal(), ())
