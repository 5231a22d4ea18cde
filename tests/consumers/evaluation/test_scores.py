"""Scores against plain counting; what is there is found, and in noise nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from consumers.evaluation.fields import Feature
from consumers.evaluation.labels import after, next_move
from consumers.evaluation.scores import (
    CONSTANT,
    INVERSE,
    MIN_CALLS,
    NOT_SUPPORTED,
    SUPPORTED,
    TOO_LITTLE,
    Score,
    score,
)
from consumers.evaluation.series import Floats, Series
from consumers.evaluation.verdicts import count_tests, judge
from tests.consumers.evaluation.markets import drifting, led, series, walk

IMBALANCE = Feature("orderflow_imbalance", 0.0)
SPREAD = Feature("bid_ask_spread_pct", None)


def market(mid: Floats, feature: Floats, name: str = IMBALANCE.name) -> Series:
    return series(mid, {name: feature})


def judged(one: Series, feature: Feature = IMBALANCE, horizon_s: float = 0.1) -> Score:
    [told] = judge([score(one, feature, after(one, horizon_s), level=0.05, seed=1)], 0.05)
    return told


@given(st.integers(0, 10_000))
def test_every_number_is_what_plain_counting_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mid, feature = walk(rng, 400, 0.5), rng.choice([-1.0, 0.0, 0.5, np.nan], 400)
    one = market(mid, feature)
    told = score(one, IMBALANCE, labels := after(one, 0.2), level=0.05, seed=1)
    hits = calls = ups = 0
    lasts = 0.0
    xs, ys = [], []
    for value, back, last in zip(feature, labels.return_bps, labels.last_move, strict=True):
        if np.isnan(value) or np.isnan(back):
            continue
        xs.append(value)
        ys.append(back)
        if value != 0 and back != 0:
            calls += 1
            hits += (value > 0) == (back > 0)
            ups += back > 0
            lasts += 0.5 if last == 0 else (last > 0) == (back > 0)

    assert (told.records, told.calls) == (len(xs), calls)
    assert told.coverage == pytest.approx(np.isfinite(feature).mean())
    assert told.moved == pytest.approx(np.mean(np.array(ys) != 0))
    assert told.hit_rate is not None
    assert told.pearson is not None
    assert told.spearman is not None
    assert told.volatility is not None
    assert told.hit_rate.value == pytest.approx(hits / calls)
    assert told.majority == pytest.approx(max(ups, calls - ups) / calls)
    assert told.last_move == pytest.approx(lasts / calls)
    assert told.pearson.value == pytest.approx(stats.pearsonr(xs, ys).statistic)
    assert told.spearman.value == pytest.approx(stats.spearmanr(xs, ys).statistic)
    assert told.volatility.value == pytest.approx(stats.spearmanr(xs, np.abs(ys)).statistic)
    assert told.r2 == pytest.approx(stats.pearsonr(xs, ys).statistic ** 2)


def test_a_feature_that_leads_is_found_and_its_truth_is_in_the_interval() -> None:
    told = judged(market(*led(np.random.default_rng(1), 6000)))

    assert told.verdict == SUPPORTED
    assert told.hit_rate is not None
    assert told.hit_rate.low < 0.75 < told.hit_rate.high
    assert told.effective is not None
    assert 100 < told.effective <= told.calls


def test_one_that_leads_the_other_way_round_is_called_inverse() -> None:
    mid, feature = led(np.random.default_rng(2), 6000)

    assert judged(market(mid, -feature)).verdict == INVERSE


def test_one_without_a_direction_is_judged_by_its_rank_correlation() -> None:
    mid, feature = led(np.random.default_rng(3), 6000)
    told = judged(market(mid, np.exp(feature), SPREAD.name), SPREAD)

    assert told.verdict == SUPPORTED
    assert (told.hit_rate, told.majority, told.lead) == (None, None, None)
    assert told.calls == 0
    assert told.spearman is not None
    assert told.spearman.low > 0.2


@pytest.mark.parametrize("feature", [IMBALANCE, SPREAD])
def test_in_white_noise_nothing_is_found_more_often_than_the_level_says(feature: Feature) -> None:
    found, tests = 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        values = rng.standard_normal(1200) if seed % 2 else drifting(rng, 1200, 0.95)
        one = market(walk(rng, 1200), values, feature.name)
        for labels in (after(one, 0.1), after(one, 2.0), next_move(one)):
            told = score(one, feature, labels, level=0.05, seed=seed)
            tests += told.p is not None
            found += told.p is not None and told.p < 0.05

    assert tests > 400
    assert found / tests <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / tests)


def test_a_trend_is_no_merit_of_a_feature_that_always_says_up() -> None:
    rng = np.random.default_rng(4)
    mid = 10_000 + np.cumsum(rng.choice([0.0, 1.0, -1.0], 4000, p=[0.7, 0.25, 0.05]))
    told = judged(market(mid, 1 + rng.random(4000)))

    assert told.hit_rate is not None
    assert told.hit_rate.value == told.majority == pytest.approx(0.83, abs=0.03)
    assert told.verdict == NOT_SUPPORTED


def test_what_is_too_little_says_how_much_it_takes() -> None:
    mid, feature = led(np.random.default_rng(5), 3000)
    far = judged(market(mid, feature), horizon_s=60)
    quiet = judged(market(np.where(np.arange(3000) < 2990, 100.0, 101.0), feature))
    short = judged(market(mid[:20], feature[:20]))

    assert (far.verdict, quiet.verdict, short.verdict) == (TOO_LITTLE,) * 3
    assert far.needs_s == pytest.approx(1200, rel=0.1)  # ten blocks of twice the horizon
    assert quiet.needs_s is not None
    assert quiet.needs_s > 299.9 * MIN_CALLS / 10
    assert short.needs_s is not None
    assert (far.p, far.hit_rate) == (None, None)


def test_what_never_changes_is_called_constant() -> None:
    rng = np.random.default_rng(6)

    assert judged(market(walk(rng, 500), np.ones(500))).verdict == CONSTANT
    assert judged(market(np.full(500, 100.0), drifting(rng, 500))).verdict == CONSTANT


def test_the_future_is_not_known_to_a_score() -> None:
    """What comes after a label's end changes nothing of what was counted before it."""
    mid, feature = led(np.random.default_rng(7), 2000)
    labels = after(market(mid, feature), 1.0)
    longer = after(market(np.append(mid, mid[-1] + 5), np.append(feature, 0.0)), 1.0)

    assert np.array_equal(labels.return_bps[labels.known], longer.return_bps[: len(mid)][labels.known])


def test_many_tests_make_each_harder() -> None:
    base = judged(market(*led(np.random.default_rng(8), 1500)))
    alone = judge([replace(base, p=0.02)], 0.05)
    among = judge([replace(base, p=0.02), *(replace(base, p=0.9) for _ in range(9)), replace(base, p=None)], 0.05)

    assert alone[0].verdict == SUPPORTED
    assert among[0].verdict == NOT_SUPPORTED
    assert among[0].q == pytest.approx(0.2)
    assert count_tests(among) == 10
    assert judge([], 0.05) == []
