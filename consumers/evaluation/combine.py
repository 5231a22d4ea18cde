"""Whether features together predict more than one alone: models that are fitted on the past and judged on what follows.

Owns the walk forward: the records are cut into equal stretches; for each but the first a model learns from all before it
and predicts it. Records whose label reaches into the stretch, or to less than one horizon before it, are left out of
the learning (purging and embargo, Lopez de Prado 2018, "Advances in financial machine learning", chapter 7).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import Labels
from consumers.evaluation.scores import MIN_CALLS, Score, score
from consumers.evaluation.series import Floats, Series

STRETCHES: Final = 6
RIDGE: Final = "ridge of all"
LOGISTIC: Final = "logistic of all"
_COVERED: Final = 0.9
_PENALTY: Final = 10.0


@dataclass(frozen=True)
class Combination:
    """A fitted model's predictions, judged like a feature, and R2 out of sample (against the mean of what was learned from).

    ``learned`` is the number of records of the last fit.
    """

    score: Score
    features: tuple[str, ...]
    r2_out_of_sample: float | None
    learned: int


def walk_forward(
    series: Series, features: Sequence[Feature], labels: Labels, *, level: float, seed: int
) -> list[Combination]:
    """Ridge regression of the return, and logistic regression of the move's direction; the verdicts are still open.

    Features without a direction stay out: most are sizes that drift, and a line drawn through them leads astray.
    """
    directed = [feature.name for feature in features if feature.middle is not None]
    used = [name for name in directed if _usable(series.features[name])]
    if not used:
        return []
    table = np.column_stack([series.features[name] for name in used])
    rows = np.flatnonzero(np.isfinite(table).all(axis=1) & labels.known)
    folds = list(_folds(series, labels, rows))
    found = []
    for name, fit in ((RIDGE, _ridge), (LOGISTIC, _logistic)):
        predicted, means = np.full(len(series), np.nan), np.full(len(series), np.nan)
        for learn, test in folds:
            answer = fit(table[learn], labels.return_bps[learn], table[test])
            if answer is not None:
                predicted[test], means[test] = answer, labels.return_bps[learn].mean()
        judged = score(series, Feature(name, 0.0), labels, level=level, seed=seed, values=predicted)
        told = name == RIDGE and judged.p is not None
        r2 = _r2(labels.return_bps, predicted, means) if told else None
        found.append(Combination(judged, tuple(used), r2, len(folds[-1][0]) if folds else 0))
    return found


def _usable(values: Floats) -> bool:
    known = np.isfinite(values)
    return bool(known.mean() >= _COVERED and np.ptp(values[known]) > 0) if known.any() else False


def _folds(
    series: Series, labels: Labels, rows: npt.NDArray[np.intp]
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Records to learn from and records to predict."""
    embargo_ms = 1000 * (labels.horizon_s or 0.0)
    for test in np.array_split(rows, STRETCHES)[1:]:
        if not len(test):
            continue
        before = rows[rows < test[0]]
        learn = before[labels.end_ms[before] < series.time_ms[test[0]] - embargo_ms]
        if len(learn) >= MIN_CALLS:
            yield learn, test


def _clip() -> Any:
    """A value far outside of what was learned from counts as three standard deviations."""
    return FunctionTransformer(np.clip, kw_args={"a_min": -3, "a_max": 3})


def _ridge(known: Floats, returns: Floats, asked: Floats) -> Floats | None:
    model: Any = make_pipeline(StandardScaler(), _clip(), Ridge(alpha=_PENALTY))
    predicted: Floats = model.fit(known, returns).predict(asked)
    centred: Floats = predicted - returns.mean()
    return centred


def _logistic(known: Floats, returns: Floats, asked: Floats) -> Floats | None:
    moved = returns != 0
    up = returns[moved] > 0
    if min(up.sum(), (~up).sum()) < MIN_CALLS / 2:
        return None
    model: Any = make_pipeline(StandardScaler(), _clip(), LogisticRegression(solver="newton-cholesky"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predicted: Floats = model.fit(known[moved], up).predict_proba(asked)[:, 1] - 0.5
    return predicted


def _r2(returns: Floats, predicted: Floats, means: Floats) -> float | None:
    there = np.isfinite(predicted)
    if not there.any():
        return None
    wrong = returns[there] - means[there] - predicted[there]
    total = float(((returns[there] - means[there]) ** 2).sum())
    return 1 - float((wrong**2).sum()) / total if total else None
