"""The whole report: what was asked is answered, told in words, on a page, and the same each time."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import orjson
import pytest

from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.fields import choose
from consumers.evaluation.page import page
from consumers.evaluation.report import Question, Report, evaluate
from consumers.evaluation.scores import SUPPORTED
from consumers.evaluation.series import Series
from consumers.evaluation.slippage import Execution
from consumers.evaluation.words import constant_line, coverage_line, linear_cell, needs_lines, summary_lines
from tests.consumers.evaluation.markets import drifting, led, series

QUESTION = Question(choose(["orderflow_imbalance", "delta_volume", "total_depth"]), (0.1, 1.0, 60.0))


def market(seed: int = 1) -> Series:
    rng = np.random.default_rng(seed)
    mid, feature = led(rng, 3000)
    told = {"orderflow_imbalance": feature, "delta_volume": drifting(rng, 3000), "total_depth": np.ones(3000)}
    return series(mid, {**told, "bid_ask_spread_pct": np.full(3000, 0.01)})


@pytest.fixture(scope="module")
def report() -> Report:
    one = market()
    trades = {one.instrument: [Execution(100 * at + 50, float(one.mid[at]), 1.0) for at in range(2000)]}
    return evaluate([one], QUESTION, windows={50: [one]}, executions=trades, notes=["a note <here>"])


def test_every_feature_and_horizon_has_its_score(report: Report) -> None:
    asked = {
        (feature.name, horizon) for feature in QUESTION.features for horizon in ("0.1 s", "1 s", "60 s", "next move")
    }

    assert {(score.feature, score.horizon) for score in report.scores} == asked
    assert {score.feature for score in report.windows} == {"delta_volume of 50"}
    assert {each.score.feature for each in report.combinations} == {"ridge of all", "logistic of all"}
    assert {each.feature for each in report.costs} == {"orderflow_imbalance", "delta_volume"}
    assert report.slippages[0].orders == 2000
    assert [quality.records for quality in report.qualities] == [3000]


def test_what_leads_is_supported_and_what_does_not_is_not(report: Report) -> None:
    verdicts = {(score.feature, score.horizon): score.verdict for score in [*report.scores, *report.windows]}

    assert verdicts["orderflow_imbalance", "0.1 s"] == SUPPORTED
    assert not [
        key for key, verdict in verdicts.items() if verdict.startswith(SUPPORTED) and key[0] != "orderflow_imbalance"
    ]


def test_all_tests_are_counted_and_told(report: Report) -> None:
    lines = list(summary_lines(report))

    assert report.tests == sum(
        score.p is not None
        for score in [*report.scores, *(each.score for each in report.combinations), *report.windows]
    )
    assert lines[0].startswith(f"{report.tests} tests at level 0.05")
    assert "orderflow_imbalance" in lines[1]
    assert "not supported for any" in lines[-1]
    assert next(needs_lines(report.scores, report.qualities[0])).startswith(
        "too little data at 60 s for orderflow_imbalance, delta_volume: expected about 1,2"
    )
    assert constant_line(report.scores) == "constant here: total_depth"


def test_correlation_share_of_variance_and_coverage_are_told(report: Report) -> None:
    led_by = next(
        score for score in report.scores if score.feature == "orderflow_imbalance" and score.horizon == "0.1 s"
    )
    seldom = replace(led_by, coverage=0.5)
    found = re.fullmatch(r"\+(0\.\d\d) ±0\.\d\d \((\d+\.\d)\)", linear_cell(led_by))

    assert found is not None
    assert 100 * float(found[1]) ** 2 == pytest.approx(float(found[2]), abs=1.0)
    assert coverage_line([led_by]) == ""
    assert coverage_line([led_by, seldom]) == "coverage below 100 % of the records: orderflow_imbalance 50.0 %"


def test_a_placebo_finds_nothing_and_says_what_it_is() -> None:
    told = evaluate([market()], Question(QUESTION.features, QUESTION.horizons_s, placebo=True))

    assert not [score for score in told.scores if score.verdict.startswith(SUPPORTED)]
    assert next(iter(summary_lines(told))).startswith("PLACEBO")


def test_the_page_needs_nothing_from_anywhere(report: Report) -> None:
    text = page(report)

    assert text.count("<svg") == 2
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*['\"]?(?!#|data:)[^'\" >]+", text) == []
    assert "@import" not in text
    assert "a note &lt;here&gt;" in text
    assert "sim:A" in text


def test_equal_input_gives_equal_bytes(report: Report) -> None:
    one = market()
    trades = {one.instrument: [Execution(100 * at + 50, float(one.mid[at]), 1.0) for at in range(2000)]}
    again = evaluate([one], QUESTION, windows={50: [one]}, executions=trades, notes=["a note <here>"])

    assert orjson.dumps(again) == orjson.dumps(report)
    assert page(again) == page(report)


def test_progress_comes_to_its_end() -> None:
    steps: list[tuple[int, int]] = []
    evaluate(
        [market()], Question(QUESTION.features[:1], (0.1,)), on_progress=lambda done, total: steps.append((done, total))
    )

    assert steps[-1] == (6, 6)


def test_without_a_mid_price_there_is_nothing_to_judge() -> None:
    empty = replace(series(np.full(50, np.nan)), instrument="sim:B")

    with pytest.raises(EvaluationError, match="expected records with a mid price, received none"):
        evaluate([empty], QUESTION)
    told = evaluate([market(), empty], Question(QUESTION.features[:1], (0.1,)))
    assert told.notes == ["left out, since no record has a mid price: sim:B"]


@pytest.mark.parametrize("wrong", [{"horizons_s": ()}, {"horizons_s": (0.0,)}, {"level": 1.0}, {"fee_bps": -1.0}])
def test_a_question_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(EvaluationError, match="expected"):
        Question(**wrong)  # type: ignore[arg-type]
