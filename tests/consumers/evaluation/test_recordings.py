"""What is known of the recorded market data: the known hit rates come out, a placebo finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connectors.recordings import RecordingReader
from consumers.evaluation.fields import FEATURES, MICRO_PRICE, choose
from consumers.evaluation.report import Question, evaluate
from consumers.evaluation.series import Series, records_to_series
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.settings import load_settings

NAMES = ("spot_btcusdt", "spot_ethusdt", "usdm_btcusdt", "usdm_ethusdt")

# Per cent, (least, most) of the four, as the definitions of the metrics tell them; the micro price has the sign of the
# best levels' imbalance.
KNOWN = {
    (MICRO_PRICE, "0.1 s"): (83, 92),
    (MICRO_PRICE, "1 s"): (69, 80),
    (MICRO_PRICE, "10 s"): (49, 59),
    ("orderflow_imbalance", "1 s"): (65, 77),
}

pytestmark = [pytest.mark.recordings, pytest.mark.slow]


@pytest.fixture(scope="module")
def four(recordings: Path) -> dict[str, Series]:
    return {name: _series(next((recordings / "dev").glob(f"{name}_*.gz"))) for name in NAMES}


def _series(path: Path) -> Series:
    pipeline = pipeline_of(load_settings({}, environ={}), Counts())

    def records() -> Iterator[dict[str, object]]:
        for result in measure_batches(pipeline, RecordingReader(path).batches()):
            yield from map(orjson.loads, result.records)

    [one] = records_to_series(records())
    return one


def test_the_known_hit_rates_come_out_within_two_points(four: dict[str, Series]) -> None:
    question = Question(choose([MICRO_PRICE, "orderflow_imbalance"]), (0.1, 1.0, 10.0))
    rates: dict[tuple[str, str], list[float]] = {}
    for one in four.values():
        for score in evaluate([one], question).scores:
            assert score.hit_rate is not None
            rates.setdefault((score.feature, score.horizon), []).append(100 * score.hit_rate.value)

    for key, (least, most) in KNOWN.items():
        assert min(rates[key]) == pytest.approx(least, abs=2), key
        assert max(rates[key]) == pytest.approx(most, abs=2), key


@pytest.mark.parametrize("seed", range(3))
def test_a_placebo_finds_nothing(four: dict[str, Series], seed: int) -> None:
    question = Question(FEATURES, (0.1, 1.0, 10.0), seed=seed, placebo=True)
    report = evaluate(list(four.values()), question)

    assert report.tests > 100
    assert [
        (score.instrument, score.feature, score.horizon)
        for score in [*report.scores, *(each.score for each in report.combinations)]
        if score.verdict.startswith("supported")
    ] == []
