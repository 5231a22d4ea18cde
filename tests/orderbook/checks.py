"""Records against oracles, for any history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orderbook import MeasureConfig
from tests.orderbook.feeds import Run, Told
from tests.orderbook.oracles import Narration, expected, narrate


def check(config: MeasureConfig, instrument: str, told: Sequence[Told]) -> Narration:
    """Feed message by message; every record, and what is counted instead, must be as narrated."""
    narration, run = narrate(config, instrument, told), Run(config, instrument)
    records: list[dict[str, Any]] = []
    for item in told:
        records += run.feed(item)

    assert records == [expected(moment) for moment in narration.moments]
    assert (run.ignored, run.notices) == (narration.ignored, narration.notices)
    assert (run.quotes, run.audits) == (narration.quotes, narration.audits)
    assert len(records) + run.ignored.total() == len(told)
    return narration
