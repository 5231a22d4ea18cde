"""The same input gives the same bytes as when it was last looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderbook.record import NAMES
from tests.golden.records import METADATA, RECORDED, RUNS, SIMULATED, metadata, read, recorded, simulated
from tests.needs import unmet

HOW = "if that is meant: python -m tests.golden.records"


@pytest.mark.parametrize("run", RUNS)
def test_a_simulated_market_gives_the_same_bytes_as_ever(run: str) -> None:
    golden, now = read(SIMULATED)[run], simulated(run)

    assert now["messages_sha256"] == golden["messages_sha256"], f"the simulated market is another one; {HOW}"
    assert now == golden, HOW


@pytest.mark.recordings
@pytest.mark.parametrize("file", read(RECORDED))
def test_a_recording_gives_the_same_bytes_as_ever(recordings: Path, file: str) -> None:
    path = recordings / file
    if not path.exists():
        unmet("RECORDINGS", f"there is no recording {file}")
    golden, now = read(RECORDED)[file], recorded(path)

    assert now["file_sha256"] == golden["file_sha256"], "the recording is another one"
    assert now == golden, HOW


def test_the_golden_records_are_whole_and_of_several_states() -> None:
    shown = [
        record
        for run in read(SIMULATED).values()
        for instrument in run["instruments"].values()
        for record in instrument["shown"]
    ]

    assert {tuple(record) for record in shown} == {NAMES}
    assert {record["state"] for record in shown} == {"live", "resyncing"}
    assert len({record["venue"] for record in shown}) == 3


def test_the_dirty_market_has_what_the_clean_one_has_not() -> None:
    runs = read(SIMULATED)

    assert runs["clean"]["notices"] == {}
    assert runs["dirty"]["notices"]["gap"] > 0
    assert runs["dirty"]["ignored"]["stale"] > runs["clean"]["ignored"].get("stale", 0)


def test_the_files_tell_how_they_were_made() -> None:
    assert read(METADATA) == metadata(), HOW
