"""What a feature earns in basis points, against what it costs to act on it.

Owns the arithmetic: an edge is the mean return in the called direction, over all calls and over the strongest tenth; the
threshold of that tenth is taken from the first half of the records and applied to the second, so that it is not chosen
by what it is judged on. Acting at once costs the spread (half of it going in, half coming out) and the taker's fee twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from consumers.evaluation.bootstrap import MIN_BLOCKS, Estimate, block_length, resample
from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import Labels
from consumers.evaluation.scores import MIN_CALLS
from consumers.evaluation.series import Floats, Series

SPREAD: Final = "bid_ask_spread_pct"
_STRONGEST: Final = 0.9


@dataclass(frozen=True)
class Cost:
    """Edges in basis points of the mid, negative when the other way round would earn; None: too little data.

    ``net_bps``: the strongest calls' edge (or all calls', where there are too few of those) less ``cost_bps``.
    """

    instrument: str
    feature: str
    horizon: str
    edge: Estimate | None
    strongest: Estimate | None
    strongest_calls: int
    spread_bps: float
    cost_bps: float
    net_bps: float | None
    pays: bool


def cost(series: Series, feature: Feature, labels: Labels, *, fee_bps: float, level: float, seed: int) -> Cost | None:
    """The edge of a feature against its costs; None of one without a direction.

    Args:
        series: the records.
        feature: the feature.
        labels: what came after.
        fee_bps: the taker's fee of one trade.
        level: of the intervals.
        seed: of their draws.
    """
    if feature.middle is None:
        return None
    values = series.features[feature.name]
    rows = np.flatnonzero(np.isfinite(values) & labels.known)
    strength = np.abs(values[rows] - feature.middle)
    earned = np.sign(values[rows] - feature.middle) * labels.return_bps[rows]
    half = len(rows) // 2
    strong = np.zeros(len(rows), np.bool_)
    if half:
        strong[half:] = strength[half:] >= np.quantile(strength[:half], _STRONGEST)
    spread = series.features[SPREAD][rows] * 100
    spread_bps = float(np.nanmean(spread)) if np.isfinite(spread).any() else 0.0
    cost_bps = spread_bps + 2 * fee_bps
    ahead = np.searchsorted(series.time_ms[rows], labels.end_ms[rows]) - np.arange(len(rows))
    overlap = float(np.quantile(ahead, 0.95)) if len(rows) else 0.0
    all_calls = _mean(earned, strength > 0, overlap, level, seed)
    strongest = _mean(earned, strong & (strength > 0), overlap, level, seed)
    best = strongest or all_calls
    return Cost(
        series.instrument,
        feature.name,
        labels.name,
        edge=all_calls,
        strongest=strongest,
        strongest_calls=int(strong.sum()),
        spread_bps=spread_bps,
        cost_bps=cost_bps,
        net_bps=None if best is None else best.value - cost_bps,
        pays=best is not None and best.low > cost_bps,
    )


def _mean(earned: Floats, chosen: npt.NDArray[np.bool_], overlap: float, level: float, seed: int) -> Estimate | None:
    """The mean of the chosen records, with an interval by blocks of all records between the first and the last of them."""
    rows = np.flatnonzero(chosen)
    if len(rows) < MIN_CALLS:
        return None
    inside = slice(rows[0], rows[-1] + 1)
    weights = chosen[inside].astype(np.float64)
    gained = earned[inside] * weights
    length = block_length(gained - weights * (gained.sum() / weights.sum()), overlap)
    if len(gained) / length < MIN_BLOCKS:
        return None
    resampled = resample(np.column_stack([gained, weights]), _ratio, length, seed)
    return resampled.estimate(0, level)


def _ratio(sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = sums[..., :1] / sums[..., 1:]
        return value
