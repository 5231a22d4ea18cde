"""Every field of every record equals a slow oracle, after every message, to the last bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook import MeasureConfig
from orderbook.record import NAMES
from tests.orderbook.checks import check
from tests.orderbook.feeds import COINM, SPOT, USDM
from tests.orderbook.oracles import ORACLES
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
