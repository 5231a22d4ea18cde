"""Every field of every record equals a slow oracle, after every message, to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig
from orderbook.record import NAMES
from tests.orderbook.feeds import COINM, SPOT, USDM, Run, Told
from tests.orderbook.oracles import ORACLES, expected, narrate
from tests.strategies import FEEDS, configs


def test_every_field_of_the_record_has_an_oracle() -> None:
    assert tuple(ORACLES) == NAMES


@pytest.mark.parametrize("kind", FEEDS)
@settings(max_examples=60)
@given(data=st.data(), config=configs, instrument=st.sampled_from((SPOT, USDM, COINM)))
def test_records_equal_the_oracles_after_every_message(
    kind: str, data: st.DataObject, config: MeasureConfig, instrument: str
) -> None:
    told = data.draw(FEEDS[kind])

    check(config, instrument, told)


def check(config: MeasureConfig, instrument: str, told: list[Told]) -> None:
    """Feed message by message; every record, and what is counted instead, must be as narrated."""
    narration, run = narrate(config, instrument, told), Run(config, instrument)
    records: list[dict[str, Any]] = []
    for item in told:
        records += run.feed(item)

    assert records == [expected(moment) for moment in narration.moments]
    assert (run.ignored, run.notices) == (narration.ignored, narration.notices)
    assert len(records) + run.ignored.total() == len(told)
