"""What may be said of all scores of an evaluation together.

Owns the words. Where many are tested some look good by chance, so every probability is adjusted for all of them
(Benjamini and Hochberg 1995, "Controlling the false discovery rate"; ``scipy.stats.false_discovery_control``). A feature is
called supported when its adjusted probability is below the level and its interval is above both baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scipy import stats

from consumers.evaluation.bootstrap import Estimate
from consumers.evaluation.scores import INVERSE, NOT_SUPPORTED, SUPPORTED, Score


def judge(scores: Sequence[Score], level: float) -> list[Score]:
    """The scores with their adjusted probabilities and verdicts."""
    chances = [score.p for score in scores if score.p is not None]
    adjusted = iter(stats.false_discovery_control(chances) if chances else ())
    return [score if score.p is None else _judged(score, float(next(adjusted)), level) for score in scores]


def count_tests(scores: Sequence[Score]) -> int:
    """How many tests were made."""
    return sum(score.p is not None for score in scores)


def _judged(score: Score, q: float, level: float) -> Score:
    verdict = NOT_SUPPORTED
    if q < level:
        if score.hit_rate is None or score.lead is None:
            verdict = SUPPORTED if _excludes_zero(score.spearman) else NOT_SUPPORTED
        elif score.lead.low > 0:
            verdict = SUPPORTED if score.hit_rate.value > 0.5 else INVERSE
    return replace(score, q=q, verdict=verdict)


def _excludes_zero(estimate: Estimate | None) -> bool:
    return estimate is not None and not estimate.low <= 0 <= estimate.high
