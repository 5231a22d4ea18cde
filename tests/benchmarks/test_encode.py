"""The polls that encoding is measured with: as long as told, and the same records both ways."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.encode import polls, records
from connectors.encode import RecordEncoder


@pytest.mark.parametrize("instruments", [20, 2_000])
def test_a_poll_is_of_so_many_instruments_and_both_encoders_make_the_same_of_it(instruments: int) -> None:
    poll = next(polls(instruments))
    made = [
        records(encoder, encoder.rows(poll.rows, poll.metrics), poll)
        for encoder in (RecordEncoder(), RecordEncoder(pure=True))
    ]

    assert len(made[0]) == 2_000
    assert len({orjson.loads(record or b"")["symbol"] for record in made[0]}) == instruments
    assert made[0] == made[1]
