"""The evaluation of all instruments: everything computed, nothing shown.

Owns which tests are made, and that all of them are counted before a word is said about one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from consumers.evaluation.combine import Combination, walk_forward
from consumers.evaluation.costs import Cost, cost
from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.fields import FEATURES, Feature
from consumers.evaluation.labels import HORIZONS_S, Labels, after, next_move
from consumers.evaluation.quality import Quality, quality
from consumers.evaluation.scores import Score, score
from consumers.evaluation.series import Floats, Series
from consumers.evaluation.slippage import Execution, Slippage, slippage
from consumers.evaluation.verdicts import count_tests, judge

_DELTA = "delta_volume"


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        features: which; all of them by default.
        horizons_s: in seconds; the next move of the mid is always asked as well.
        level: of significance; intervals cover with 1 - level.
        fee_bps: the taker's fee of one trade, in basis points.
        seed: of all draws.
        placebo: shift every feature in time by a random distance, so that it can't predict: shows what the method finds in nothing.
    """

    features: tuple[Feature, ...] = FEATURES
    horizons_s: tuple[float, ...] = HORIZONS_S
    level: float = 0.05
    fee_bps: float = 5.0
    seed: int = 1
    placebo: bool = False

    def __post_init__(self) -> None:
        wrong = []
        if not self.horizons_s or min(self.horizons_s) <= 0:
            wrong.append(f"horizons: expected seconds above 0, received {self.horizons_s}")
        if not 0 < self.level < 0.5:
            wrong.append(f"level: expected a number between 0 and 0.5, received {self.level:g}")
        if not self.fee_bps >= 0:
            wrong.append(f"fee: expected basis points, 0 or more, received {self.fee_bps:g}")
        if wrong:
            raise EvaluationError("; ".join(wrong))


@dataclass(frozen=True)
class Report:
    """What was found. ``notes`` say what could not be done, and why."""

    question: Question
    qualities: list[Quality]
    scores: list[Score]
    combinations: list[Combination]
    costs: list[Cost]
    windows: list[Score]
    slippages: list[Slippage]
    tests: int
    notes: list[str] = field(default_factory=list)


def evaluate(
    series: Sequence[Series],
    question: Question,
    *,
    windows: Mapping[int, Sequence[Series]] | None = None,
    executions: Mapping[str, Sequence[Execution]] | None = None,
    notes: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Judge features on records.

    Args:
        series: the records of each instrument.
        question: what is asked.
        windows: by length of the delta window, the same records measured with it.
        executions: trades by instrument, where they are known.
        notes: what the caller could not do; joins the report's.
        on_progress: told the tests done and their number.

    Raises:
        EvaluationError: there are no records with a mid price.
    """
    usable = [one for one in series if np.isfinite(one.mid).sum() > 1]
    if not usable:
        raise EvaluationError(
            "expected records with a mid price, received none; an evaluation needs some minutes of a live book"
        )
    tests = _Tests(question, len(usable), on_progress)
    for one in usable:
        tests.take(_shifted(one, question.seed) if question.placebo else one)
    by_window = _windows(windows or {}, question)
    scores, combinations, by_window = _judged(tests.scores, tests.combinations, by_window, question.level)
    slippages = [
        part
        for one in usable
        for part in slippage(one, (executions or {}).get(one.instrument, ()), level=question.level, seed=question.seed)
    ]
    return Report(
        question,
        [quality(one) for one in usable],
        scores,
        combinations,
        tests.costs,
        by_window,
        slippages,
        tests=count_tests([*scores, *(each.score for each in combinations), *by_window]),
        notes=[*notes, *_left_out(series, usable)],
    )


class _Tests:
    """The tests of one instrument after the other."""

    def __init__(self, question: Question, instruments: int, on_progress: Callable[[int, int], None]) -> None:
        self.scores: list[Score] = []
        self.combinations: list[Combination] = []
        self.costs: list[Cost] = []
        self._question = question
        self._on_progress = on_progress
        self._total = instruments * (len(question.horizons_s) + 1) * (len(question.features) + 2)
        self._done = 0

    def take(self, series: Series) -> None:
        asked = self._question
        for labels in _labels(series, asked):
            for feature in asked.features:
                self.scores.append(score(series, feature, labels, level=asked.level, seed=asked.seed))
                told = cost(series, feature, labels, fee_bps=asked.fee_bps, level=asked.level, seed=asked.seed)
                self.costs += [] if told is None else [told]
                self._step(1)
            self.combinations += walk_forward(series, asked.features, labels, level=asked.level, seed=asked.seed)
            self._step(2)

    def _step(self, count: int) -> None:
        self._done += count
        self._on_progress(self._done, self._total)


def _labels(series: Series, question: Question) -> list[Labels]:
    return [*(after(series, horizon_s) for horizon_s in question.horizons_s), next_move(series)]


def _windows(windows: Mapping[int, Sequence[Series]], question: Question) -> list[Score]:
    """Scores of ``delta_volume`` with each window."""
    feature = Feature(_DELTA, 0.0)
    found = []
    for window, series in sorted(windows.items()):
        for one in series:
            for labels in _labels(one, question) if np.isfinite(one.mid).sum() > 1 else []:
                told = score(one, feature, labels, level=question.level, seed=question.seed)
                found.append(replace(told, feature=f"{_DELTA} of {window}"))
    return found


def _judged(
    scores: list[Score], combinations: list[Combination], windows: list[Score], level: float
) -> tuple[list[Score], list[Combination], list[Score]]:
    """All of them are judged together: what was tried counts, wherever it is shown."""
    judged = judge([*scores, *(each.score for each in combinations), *windows], level)
    first, second = len(scores), len(scores) + len(combinations)
    fitted = [replace(each, score=told) for each, told in zip(combinations, judged[first:second], strict=True)]
    return judged[:first], fitted, judged[second:]


def _shifted(series: Series, seed: int) -> Series:
    """Every feature moved around the end by its own distance, between a quarter and three quarters of the whole."""
    draws = np.random.default_rng(seed)
    count = len(series)
    moved: dict[str, Floats] = {
        name: np.roll(values, int(draws.integers(count // 4, max(3 * count // 4, count // 4 + 1))))
        for name, values in series.features.items()
    }
    return replace(series, features=moved)


def _left_out(series: Sequence[Series], usable: Sequence[Series]) -> list[str]:
    there = {one.instrument for one in usable}
    gone = [one.instrument for one in series if one.instrument not in there]
    return [f"left out, since no record has a mid price: {', '.join(gone)}"] if gone else []
