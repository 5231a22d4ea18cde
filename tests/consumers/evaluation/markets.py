"""Series whose truth is known: noise, and a market that one feature leads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from consumers.evaluation.fields import FEATURES
from consumers.evaluation.series import Floats, Series

STEP_MS = 100


def series(mid: Floats, features: Mapping[str, Floats] | None = None, *, step_ms: int = STEP_MS) -> Series:
    """Records every 100 ms with this mid price; features that are not given are never defined."""
    count = len(mid)
    time_ms = np.arange(count, dtype=np.int64) * step_ms
    absent = np.full(count, np.nan)
    return Series(
        "sim:A",
        time_ms,
        time_ms,
        mid,
        seq=np.arange(1, count + 1),
        gaps=np.zeros(count, np.int64),
        state=np.array(["live"] * count),
        features={feature.name: absent for feature in FEATURES} | dict(features or {}),
    )


def walk(rng: np.random.Generator, count: int, moves: float = 0.2) -> Floats:
    """A price that goes a tick up or down now and then, whatever one knows."""
    steps = rng.choice([-1.0, 0.0, 1.0], count, p=[moves / 2, 1 - moves, moves / 2])
    return 10_000 + np.cumsum(steps)


def drifting(rng: np.random.Generator, count: int, memory: float = 0.9) -> Floats:
    """Noise that remembers, as features do: an autoregression of the first order."""
    noise = rng.standard_normal(count)
    out = np.zeros(count)
    for at in range(1, count):
        out[at] = memory * out[at - 1] + noise[at]
    return out


def led(rng: np.random.Generator, count: int, strength: float = 0.5) -> tuple[Floats, Floats]:
    """(mid, feature): each move goes with the feature's sign at the record before, more often than not."""
    feature = drifting(rng, count)
    moves = rng.random(count) < 0.3
    right = rng.random(count) < 0.5 + strength / 2
    steps = np.where(moves, np.sign(feature) * np.where(right, 1, -1), 0.0)
    return 10_000 + np.concatenate([[0.0], np.cumsum(steps)[:-1]]), feature
