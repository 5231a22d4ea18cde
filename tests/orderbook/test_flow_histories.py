"""Every field against its oracle over the longer recordings, after every message: full books, and partial ones made of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from connectors.derive_depth import derive_depth20
from connectors.feed_recording import merged
from connectors.raw import RawBatch
from connectors.recordings import RecordingReader
from orderbook import MeasureConfig
from tests.needs import unmet
from tests.orderbook.feeds import Run, Told
from tests.orderbook.oracles import expected, narrate
from tests.orderbook.test_histories import told_by

CONFIG = MeasureConfig(book_levels=1_500)  # far levels cost the oracles most
FILES = ["spot_btcusdt", "spot_ethusdt", "usdm_btcusdt", "usdm_ethusdt"]
# Records, and those with all six notionals near mid: the price leaves the band that a snapshot of 1 000 levels knows.
FULL = {
    "spot_btcusdt": (3451, 926),
    "spot_ethusdt": (3434, 3432),
    "usdm_btcusdt": (6551, 724),
    "usdm_ethusdt": (6586, 6579),
}


def told_of(name: str, recordings: Path, *, derived: bool) -> tuple[str, list[Told]]:
    """All that a recording tells of its instrument but quotes, which change no record."""
    path = recordings / f"dev/{name}_20240808.gz"
    if not path.exists():
        unmet("RECORDINGS", f"there is no recording {path.name}")
    messages = (message for message in merged([RecordingReader(path)]) if b"@bookTicker" not in message.value[:60])
    raw = RawBatch(path.name)
    for offset, message in enumerate(derive_depth20(messages) if derived else messages):
        raw.append(message.value, key=message.key, headers=message.headers, offset=offset)
    [(instrument, told)] = told_by([raw]).items()
    return instrument, told


def checked(instrument: str, told: list[Told]) -> list[dict[str, object]]:
    """The records, each of which is as the oracles say. As one batch: tests of their own hold that none shows."""
    records = Run(CONFIG, instrument).feed(*told)
    for record, moment in zip(records, narrate(CONFIG, instrument, told).moments, strict=True):
        assert record == expected(moment)
    return records


@pytest.mark.recordings
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_full_book_flows_as_the_oracles_say(recordings: Path, name: str) -> None:
    records = checked(*told_of(name, recordings, derived=False))

    found = Counter(
        record["ask_notional_25bps"] is not None and record["bid_notional_25bps"] is not None for record in records
    )
    assert (len(records), found[True]) == FULL[name]


@pytest.mark.recordings
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_partial_books_flow_as_the_oracles_say(recordings: Path, name: str) -> None:
    records = checked(*told_of(name, recordings, derived=True))

    assert len(records) > FULL[name][0] - 10
    assert {record["ofi_source"] for record in records} == {"snapshot"}
    assert any(record["delta_truncated"] for record in records)
