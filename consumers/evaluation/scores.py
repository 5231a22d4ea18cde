"""One feature against one horizon: hit rate, information coefficients, R2, and the baselines beside them.

Owns what each number means:

- hit rate: of the records after which the mid moved and at which the feature called up or down, the share it called right;
- majority: the hit rate of always saying what was more frequent among the same records, known only afterwards;
- last move: the hit rate of saying that the mid goes on as it moved last (0.5 before its first move);
- lead: hit rate less the better of the two; below 0.5 the feature is read the other way round (``inverse``);
- Pearson, Spearman: correlation of feature and return over all records with both, moved or not; R2 = Pearson squared;
- volatility: Spearman of the feature and the size of the return;
- p: of the lead (of Spearman, where there is no direction) by the bootstrap, or of as much agreement by chance between
  series as slow as these, whichever is larger;
- effective: how many independent calls would be as certain as these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from consumers.evaluation.bootstrap import MIN_BLOCKS, Estimate, Resampled, block_length, memory, resample, shift_p
from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import Labels
from consumers.evaluation.series import Floats, Series

Bools: TypeAlias = npt.NDArray[np.bool_]

MIN_CALLS: Final = 30

SUPPORTED: Final = "supported"
INVERSE: Final = "supported, inverse"
NOT_SUPPORTED: Final = "not supported"
TOO_LITTLE: Final = "too little data"
CONSTANT: Final = "constant"


@dataclass(frozen=True)
class Score:
    """What a feature told about a horizon; None: not defined. Shares are of 1, ``p`` and ``q`` are probabilities.

    ``q`` is ``p`` adjusted for all tests of the evaluation (``consumers.evaluation.verdicts``), which also sets ``verdict``.
    """

    instrument: str
    feature: str
    horizon: str
    horizon_s: float | None
    records: int
    coverage: float
    moved: float
    calls: int
    effective: float | None = None
    hit_rate: Estimate | None = None
    majority: float | None = None
    last_move: float | None = None
    lead: Estimate | None = None
    pearson: Estimate | None = None
    spearman: Estimate | None = None
    volatility: Estimate | None = None
    r2: float | None = None
    block_s: float | None = None
    p: float | None = None
    q: float | None = None
    verdict: str = TOO_LITTLE
    needs_s: float | None = None


@dataclass(frozen=True)
class Pairs:
    """Feature and label of the records that have both, in the order of time; all arrays have one length."""

    time_ms: Floats
    value: Floats
    call: Floats
    return_bps: Floats
    last_move: Floats
    overlap: float

    @property
    def counted(self) -> Bools:
        """What a hit rate is of: the feature called up or down, and the mid moved."""
        counted: Bools = (self.call != 0) & (self.return_bps != 0)
        return counted

    @property
    def hit(self) -> Bools:
        """Where the call was right."""
        right: Bools = self.call == np.sign(self.return_bps)
        return self.counted & right


def pairs(series: Series, feature: Feature, values: Floats, labels: Labels) -> Pairs:
    """The records that have both; ``overlap`` is how many records a label spans (its 95 % quantile)."""
    rows = np.flatnonzero(np.isfinite(values) & labels.known)
    time = series.time_ms[rows].astype(np.float64)
    ahead = np.searchsorted(time, labels.end_ms[rows], side="left") - np.arange(len(rows))
    value = values[rows]
    call = np.zeros(len(rows)) if feature.middle is None else np.sign(value - feature.middle)
    overlap = float(np.quantile(ahead, 0.95)) if len(rows) else 0.0
    return Pairs(time, value, call, labels.return_bps[rows], labels.last_move[rows], overlap)


def score(
    series: Series, feature: Feature, labels: Labels, *, level: float, seed: int, values: Floats | None = None
) -> Score:
    """Judge one feature (its own ``values``, or others) by one horizon; the verdict is still open."""
    values = series.features[feature.name] if values is None else values
    both = pairs(series, feature, values, labels)
    count, known = len(both.value), int(np.isfinite(values).sum())
    calls = both.counted
    told = Score(
        series.instrument,
        feature.name,
        labels.name,
        labels.horizon_s,
        records=count,
        coverage=known / max(len(series), 1),
        moved=float((both.return_bps != 0).mean()) if count else 0.0,
        calls=int(calls.sum()),
    )
    if count >= 2 and (np.ptp(both.value) == 0 or np.ptp(both.return_bps) == 0):
        return replace(told, verdict=CONSTANT)
    directed = feature.middle is not None
    kept = int(calls.sum()) if directed else int((both.return_bps != 0).sum())
    if count < 3 * MIN_BLOCKS or kept < MIN_CALLS:
        return replace(told, needs_s=series.span_s * max(3 * MIN_BLOCKS / max(count, 1), MIN_CALLS / max(kept, 1)))
    sums, memory_of = _sums(both, directed=directed)
    length = block_length(memory_of, both.overlap, 1 if directed else memory(both.value))
    block_s = float(both.time_ms[-1] - both.time_ms[0]) / 1000 * length / count
    if count / length < MIN_BLOCKS:
        return replace(told, block_s=block_s, needs_s=MIN_BLOCKS * block_s)
    resampled = resample(sums, _statistics, length, seed)
    told = _directed(told, resampled) if directed else _undirected(told, resampled)
    return replace(
        _estimated(told, resampled, level), p=max(told.p or 0.0, _by_chance(both, sums, length)), block_s=block_s
    )


_RANKS: Final = 10
"""Column of the feature's ranks in the sums; the return's follow."""

_TINY: Final = 1e-12

_HIT, _LEAD, _LEAD_INVERSE, _MAJORITY, _LAST, _PEARSON, _SPEARMAN, _VOLATILITY = range(8)


def _sums(both: Pairs, *, directed: bool) -> tuple[Floats, Floats]:
    """Columns for ``_statistics``, and the series whose memory sets the blocks."""
    calls, up, hit = both.counted, both.return_bps > 0, both.hit
    last = np.where(both.last_move == 0, 0.5, both.last_move == np.sign(both.return_bps))
    x, y = _standard(both.value), _standard(both.return_bps)
    rank_x, rank_y = (_standard(stats.rankdata(values)) for values in (both.value, both.return_bps))
    rank_size = _standard(stats.rankdata(np.abs(both.return_bps)))
    columns = [calls * 1.0, hit * 1.0, calls * up, calls * last, np.ones(len(calls))]
    for one, other in ((x, y), (rank_x, rank_y), (rank_x, rank_size)):
        columns += [one, other, one * one, other * other, one * other]
    rate = hit.sum() / max(calls.sum(), 1)
    return np.column_stack(columns), calls * (hit - rate) if directed else rank_x * rank_y


def _standard(values: Floats) -> Floats:
    centred: Floats = values - values.mean()
    spread = float(centred.std())
    return centred / spread if spread else centred


def _statistics(sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        calls = sums[..., 0]
        hit, up, last = (sums[..., column] / calls for column in (1, 2, 3))
        majority = np.maximum(up, 1 - up)
        best = np.maximum(majority, last)
        correlations = [_correlation(sums, 5 + 5 * pair) for pair in range(3)]
        return np.stack([hit, hit - best, 1 - hit - best, majority, last, *correlations], axis=-1)


def _correlation(sums: Floats, at: int) -> Floats:
    count = sums[..., 4]
    x, y, xx, yy, xy = (sums[..., at + column] / count for column in range(5))
    value: Floats = (xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y))
    return value


def _by_chance(both: Pairs, sums: Floats, length: int) -> float:
    """Probability of so much agreement, were feature and return as slow as they are but unrelated."""
    if not both.call.any():
        return shift_p(sums[:, _RANKS], sums[:, _RANKS + 1], length)
    return shift_p(_standard(both.call), _standard(np.sign(both.return_bps)), length)


def _undirected(told: Score, found: Resampled) -> Score:
    """By its rank correlation, which must differ from 0."""
    value, error = float(found.values[_SPEARMAN]), float(found.errors[_SPEARMAN])
    either = 2 * min(found.p_above_zero(_SPEARMAN), found.p_below_zero(_SPEARMAN))
    # As many independent pairs as would give the rank correlation this standard error.
    effective = (1 - value**2) ** 2 / max(error**2, _TINY)
    return replace(told, p=min(1.0, either), effective=float(np.clip(effective, 1, told.records)))


def _directed(told: Score, found: Resampled) -> Score:
    """By its hit rate, which must be above both baselines, read as it is or the other way round."""
    hit, error = float(found.values[_HIT]), float(found.errors[_HIT])
    above, below = found.p_above_zero(_LEAD), found.p_above_zero(_LEAD_INVERSE)
    effective = hit * (1 - hit) / max(error**2, _TINY)
    return replace(told, p=min(1.0, 2 * min(above, below)), effective=float(np.clip(effective, 1, told.calls)))


def _estimated(told: Score, found: Resampled, level: float) -> Score:
    """With its numbers and their intervals."""
    pearson, spearman, volatility = (found.estimate(index, level) for index in (_PEARSON, _SPEARMAN, _VOLATILITY))
    r2 = None if pearson is None else pearson.value**2
    told = replace(told, pearson=pearson, spearman=spearman, volatility=volatility, r2=r2)
    if not told.calls:
        return told
    hit = float(found.values[_HIT])
    return replace(
        told,
        hit_rate=found.estimate(_HIT, level),
        majority=float(found.values[_MAJORITY]),
        last_move=float(found.values[_LAST]),
        lead=found.estimate(_LEAD if hit >= 0.5 else _LEAD_INVERSE, level),
    )
