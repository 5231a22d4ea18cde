"""Fitted models: they learn from the past only, find what is there, and nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest

from consumers.evaluation.combine import LOGISTIC, RIDGE, _folds, walk_forward
from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import after, next_move
from consumers.evaluation.verdicts import judge
from tests.consumers.evaluation.markets import drifting, led, series, walk

FEATURES = (Feature("orderflow_imbalance", 0.0), Feature("delta_volume", 0.0), Feature("total_depth", None))


@pytest.mark.parametrize("horizon_s", [0.1, 5.0, None])
def test_what_is_learned_from_ends_before_what_is_predicted_begins(horizon_s: float | None) -> None:
    one = series(walk(np.random.default_rng(1), 3000))
    labels = next_move(one) if horizon_s is None else after(one, horizon_s)
    rows = np.flatnonzero(labels.known)
    folds = list(_folds(one, labels, rows))

    assert len(folds) == 5
    for learn, test in folds:
        assert labels.end_ms[learn].max() < one.time_ms[test].min() - 1000 * (horizon_s or 0)
    assert len(np.unique(np.concatenate([test for _, test in folds]))) == sum(len(test) for _, test in folds)


def test_two_halves_of_the_truth_make_a_whole() -> None:
    rng = np.random.default_rng(2)
    mid, feature = led(rng, 6000, 0.8)
    noise = drifting(rng, 6000, 0.9)
    one = series(mid, {"orderflow_imbalance": feature + noise, "delta_volume": feature - noise})
    found = {each.score.feature: each for each in walk_forward(one, FEATURES, after(one, 0.1), level=0.05, seed=1)}

    assert found.keys() == {RIDGE, LOGISTIC}
    for each in found.values():
        assert each.score.hit_rate is not None
        assert each.score.hit_rate.value > 0.85
        assert each.features == ("orderflow_imbalance", "delta_volume")
    assert (found[RIDGE].r2_out_of_sample or 0) > 0.1
    assert found[LOGISTIC].r2_out_of_sample is None


def test_in_noise_no_model_finds_anything() -> None:
    told = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = {feature.name: drifting(rng, 3000) for feature in FEATURES}
        one = series(walk(rng, 3000), values)
        told += [each.score for each in walk_forward(one, FEATURES, after(one, 0.5), level=0.05, seed=1)]

    assert sum(score.p is not None and score.p < 0.05 for score in told) <= 2
    assert not [score for score in judge(told, 0.05) if score.verdict.startswith("supported")]


def test_without_features_or_data_there_is_no_model() -> None:
    rng = np.random.default_rng(3)
    bare, short = series(walk(rng, 500)), series(walk(rng, 40), {"delta_volume": drifting(rng, 40)})

    assert walk_forward(bare, FEATURES, after(bare, 0.1), level=0.05, seed=1) == []
    assert all(each.score.p is None for each in walk_forward(short, FEATURES, after(short, 0.1), level=0.05, seed=1))
