"""Long histories against the oracles: a simulated market, clean and dirty, and recordings of real ones."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.recordings import RecordingReader
from orderbook import MeasureConfig
from simulator import Dirt, Event, default_instruments, simulate
from tests.needs import unmet
from tests.orderbook.checks import check
from tests.orderbook.feeds import Told, unpack

CONFIG = MeasureConfig(delta_volume_window=50)
CLEAN = Dirt()
DIRTY = Dirt(gap_pct=3.0, duplicate_pct=5.0, reorder_pct=5.0, skew_ms=80)

RECORDED = {
    "sample/spot_btcusdt_20240808T235414Z_60s.gz": {"resyncing": 3, "live": 608},
    "sample/spot_ethusdt_20240808T235414Z_60s.gz": {"resyncing": 2, "live": 606},
    "sample/usdm_btcusdt_20240808T235414Z_60s.gz": {"resyncing": 6, "live": 1143},
    "sample/usdm_ethusdt_20240808T235414Z_60s.gz": {"resyncing": 7, "live": 1147},
}
"""Records by state: those before the snapshot, and those after."""


def told_by(raws: Iterable[RawBatch]) -> dict[str, list[Told]]:
    """Each instrument's messages, read without the fast path."""
    decoder, told = Decoder(), defaultdict[str, list[Told]](list)
    for raw in raws:
        for group in decoder.decode_plainly(raw).groups:
            told[group.instrument] += unpack(group.events, group.levels)
    return told


def told_by_recording(path: Path) -> dict[str, list[Told]]:
    """Each instrument's messages in a recording."""
    return told_by(RecordingReader(path).batches())


def raw_of(events: Iterable[Event]) -> RawBatch:
    raw = RawBatch("simulated")
    for offset, event in enumerate(events):
        raw.append(event.payload, key=f"{event.venue}:{event.symbol}".encode(), offset=offset)
    return raw


@pytest.mark.parametrize("dirt", [CLEAN, DIRTY], ids=["clean", "dirty"])
@pytest.mark.parametrize("number", range(5), ids=[f"{i.venue}:{i.symbol}" for i in default_instruments(5)])
def test_a_simulated_market_is_measured_as_the_oracles_say(number: int, dirt: Dirt) -> None:
    instrument = dataclasses.replace(default_instruments(5)[number], audit_every_s=1)
    [(name, told)] = told_by([raw_of(simulate([instrument], seconds=10, seed=5, dirt=dirt))]).items()
    narration = check(CONFIG, name, told)
    states = Counter(moment.state for moment in narration.moments)

    assert states["live"] > (40 if dirt is DIRTY else 90)
    assert narration.moments[-1].trades
    if instrument.diff_stream is not None:
        assert (narration.notices["gap"] > 0) == (dirt is DIRTY)
        assert narration.ignored["snapshot"] > 8
        assert len(narration.audits) > (0 if dirt is DIRTY else 5)
        assert {audit.match_pct for audit in narration.audits} == {100.0}
        assert narration.quotes.checks > 10
        assert narration.quotes.mismatches == 0
    if dirt is DIRTY:
        assert narration.ignored["stale"] > 0


@pytest.mark.recordings
@pytest.mark.parametrize("file", RECORDED)
def test_a_real_market_is_measured_as_the_oracles_say(recordings: Path, file: str) -> None:
    [(name, told)] = told_by_recording(recordings / file).items()
    narration = check(CONFIG, name, told)
    states = Counter(moment.state for moment in narration.moments)

    assert states == RECORDED[file]
    assert narration.moments[-1].gaps == 0
    assert len(narration.moments[-1].events) > 10


@pytest.mark.recordings
@pytest.mark.parametrize("file", ["dev/spot_4symbols_20211012.gz", "dev/usdm_4symbols_20210722.gz"])
def test_real_markets_of_quiet_instruments_are_measured_as_the_oracles_say(recordings: Path, file: str) -> None:
    if not (recordings / file).exists():
        unmet("RECORDINGS", f"there is no recording {file}")
    by_instrument = told_by_recording(recordings / file)

    assert len(by_instrument) == 4
    for name, told in by_instrument.items():
        last = check(CONFIG, name, told).moments[-1]
        assert (last.state, last.gaps) == ("live", 0)
