"""The polls that encoding is measured with: as long as told, and the same records both ways."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.encode import polls
from connectors.encode import RecordEncoder


@pytest.mark.parametrize("instruments", [20, 2_000])
def test_a_poll_is_of_so_many_instruments_and_both_encoders_make_the_same_of_it(instruments: int) -> None:
    poll = next(polls(instruments))
    records = RecordEncoder().encode(*poll)

    assert len(records) == 2_000
    assert len({orjson.loads(record)["symbol"] for record in records}) == instruments
    assert records == RecordEncoder(pure=True).encode(*poll)
