"""Signal rules: what order-book features do to a trading signal, and why. Pure functions.

Each rule takes a signal and gives an ``Outcome``: the signal after it, what the rule did and why. A rule does nothing to a
``HOLD``, and nothing where its feature is not defined; it says so. These rules are a starting point for an engine, with every
number a setting; whether they earn anything is for a validation to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from consumers.limits import Limits

Side: TypeAlias = Literal["BUY", "SELL", "HOLD"]


@dataclass(frozen=True)
class Signal:
    """What an engine is about to do.

    Attributes:
        side: BUY, SELL or HOLD.
        confidence: In [0, 1].
        size: In the engine's unit, a factor included by the rules.
        stop_distance: Of the stop loss from the entry, in the engine's unit.
        take_profit: Distance of the take-profit from the entry, the same.
        wait: Whether to wait before acting.
    """

    side: Side
    confidence: float
    size: float = 1.0
    stop_distance: float = 1.0
    take_profit: float = 1.0
    wait: bool = False


@dataclass(frozen=True)
class Effects:
    """What the rules do when they act.

    Attributes:
        with_imbalance: Added to the confidence when the imbalance is with the side.
        against_imbalance: Added when it is against it.
        with_delta: Factor on the size when the delta is with the side.
        against_delta: Factor when it is against it.
        stop_factor: On the stop distance when asks are thin.
        take_profit_factor: On the take-profit when bids are thin.
    """

    with_imbalance: float = 0.05
    against_imbalance: float = -0.10
    with_delta: float = 1.1
    against_delta: float = 0.8
    stop_factor: float = 0.8
    take_profit_factor: float = 0.8


@dataclass(frozen=True)
class Outcome:
    """One rule's answer.

    Attributes:
        rule: Its name.
        signal: The signal after it.
        did: What it did; empty: nothing.
        why: The value that it saw and the limit that it held it against.
    """

    rule: str
    signal: Signal
    did: str
    why: str


@dataclass(frozen=True)
class Decision:
    """The signal after all rules, and what each of them did."""

    signal: Signal
    outcomes: tuple[Outcome, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was done and why, one line for each rule that did anything."""
        return tuple(f"{one.rule}: {one.did} ({one.why})" for one in self.outcomes if one.did)


Rule: TypeAlias = Callable[[Signal, Mapping[str, float], Limits, Effects], Outcome]


def imbalance_rule(signal: Signal, features: Mapping[str, float], limits: Limits, effects: Effects) -> Outcome:
    """Resting orders with the side raise the confidence, against it they lower it; it stays in [0, 1]."""
    rule, name = "imbalance", "orderflow_imbalance"
    value, idle = _seen(rule, name, signal, features)
    if idle is not None:
        return idle
    favoured, why = _favoured(name, value, limits.imbalance_low, limits.imbalance_high)
    if favoured is None:
        return Outcome(rule, signal, "", why)
    step = effects.with_imbalance if favoured == signal.side else effects.against_imbalance
    confidence = min(max(signal.confidence + step, 0.0), 1.0)
    return Outcome(rule, replace(signal, confidence=confidence), f"confidence {step:+.2f}", why)


def delta_rule(signal: Signal, features: Mapping[str, float], limits: Limits, effects: Effects) -> Outcome:
    """Aggressive volume with the side makes the size larger, against it smaller."""
    rule, name = "delta", "delta_volume"
    value, idle = _seen(rule, name, signal, features)
    if idle is not None:
        return idle
    favoured, why = _favoured(name, value, limits.delta_low, limits.delta_high)
    if favoured is None:
        return Outcome(rule, signal, "", why)
    factor = effects.with_delta if favoured == signal.side else effects.against_delta
    return Outcome(rule, replace(signal, size=signal.size * factor), f"size x{factor:g}", why)


def spread_rule(signal: Signal, features: Mapping[str, float], limits: Limits, effects: Effects) -> Outcome:  # noqa: ARG001
    """A wide spread: HOLD."""
    rule, name = "spread", "bid_ask_spread_pct"
    value, idle = _seen(rule, name, signal, features)
    if idle is not None:
        return idle
    if value > limits.spread_pct:
        return Outcome(rule, replace(signal, side="HOLD"), "HOLD", f"{name} {value:.4g} > {limits.spread_pct:.4g}")
    return Outcome(rule, signal, "", f"{name} {value:.4g} <= {limits.spread_pct:.4g}")


def depth_ratio_rule(signal: Signal, features: Mapping[str, float], limits: Limits, effects: Effects) -> Outcome:
    """Much more on the bid: a nearer stop. Much more on the ask: a nearer take-profit. The same for both sides."""
    rule, name = "depth ratio", "order_book_depth_ratio"
    value, idle = _seen(rule, name, signal, features)
    if idle is not None:
        return idle
    favoured, why = _favoured(name, value, limits.ratio_low, limits.ratio_high)
    if favoured == "BUY":
        factor = effects.stop_factor
        return Outcome(rule, replace(signal, stop_distance=signal.stop_distance * factor), f"stop x{factor:g}", why)
    if favoured == "SELL":
        factor = effects.take_profit_factor
        return Outcome(rule, replace(signal, take_profit=signal.take_profit * factor), f"take-profit x{factor:g}", why)
    return Outcome(rule, signal, "", why)


def large_orders_rule(signal: Signal, features: Mapping[str, float], limits: Limits, effects: Effects) -> Outcome:  # noqa: ARG001
    """Many large orders: wait."""
    rule, name = "large orders", "large_order_presence"
    value, idle = _seen(rule, name, signal, features)
    if idle is not None:
        return idle
    if value > limits.large_orders:
        return Outcome(rule, replace(signal, wait=True), "wait", f"{name} {value:.4g} > {limits.large_orders:.4g}")
    return Outcome(rule, signal, "", f"{name} {value:.4g} <= {limits.large_orders:.4g}")


RULES: Final[tuple[Rule, ...]] = (imbalance_rule, delta_rule, spread_rule, depth_ratio_rule, large_orders_rule)

_LIMITS: Final = Limits()
_EFFECTS: Final = Effects()


def decide(
    signal: Signal,
    features: Mapping[str, float],
    limits: Limits = _LIMITS,
    effects: Effects = _EFFECTS,
    rules: Sequence[Rule] = RULES,
) -> Decision:
    """Apply rules one after the other, each to the signal that the one before left."""
    outcomes = []
    for rule in rules:
        outcome = rule(signal, features, limits, effects)
        signal = outcome.signal
        outcomes.append(outcome)
    return Decision(signal, tuple(outcomes))


def _seen(rule: str, name: str, signal: Signal, features: Mapping[str, float]) -> tuple[float, Outcome | None]:
    """The feature, and the outcome when there is nothing to do whatever it is."""
    value = features.get(name)
    if value is None or math.isnan(value):
        return math.nan, Outcome(rule, signal, "", f"{name} is not defined")
    if signal.side == "HOLD":
        return value, Outcome(rule, signal, "", "the signal is HOLD")
    return value, None


def _favoured(name: str, value: float, low: float, high: float) -> tuple[Side | None, str]:
    """Whom a value speaks for, beyond its limits."""
    if value > high:
        return "BUY", f"{name} {value:.4g} > {high:.4g}"
    if value < low:
        return "SELL", f"{name} {value:.4g} < {low:.4g}"
    return None, f"{name} {value:.4g} in {low:.4g} .. {high:.4g}"
