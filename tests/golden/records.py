"""Recorded truth: what the whole chain made of a simulated market, and of recordings, when it was last looked at.

    python -m tests.golden.records

writes ``tests/golden/records/`` anew: after a change that is meant to change records (or the simulator), and only then.
Recordings that are not there keep the digests that they had.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.recordings import RecordingReader
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import SCHEMA, MeasureConfig
from simulator import Dirt, Event, default_instruments, simulate
from tests.needs import RECORDINGS

FOLDER: Final = Path(__file__).parent / "records"
SIMULATED: Final = FOLDER / "simulated.json"
RECORDED: Final = FOLDER / "recorded.json"
METADATA: Final = FOLDER / "metadata.json"

SEED: Final = 7
SECONDS: Final = 5
INSTRUMENTS: Final = 5
RUNS: Final = {"clean": Dirt(), "dirty": Dirt(gap_pct=3.0, duplicate_pct=5.0, reorder_pct=5.0, skew_ms=80)}
BATCH: Final = 500


def simulated(run: str) -> dict[str, Any]:
    """Digests of one simulated market, and some of its records in full."""
    events = list(simulate(default_instruments(INSTRUMENTS), seconds=SECONDS, seed=SEED, dirt=RUNS[run]))
    payloads = hashlib.sha256(b"\n".join(event.payload for event in events)).hexdigest()
    pipeline = new_pipeline()
    records = list(measured(pipeline, batches(events)))
    by_instrument: dict[str, list[bytes]] = {}
    for record in records:
        named = json.loads(record)
        by_instrument.setdefault(f"{named['venue']}:{named['symbol']}", []).append(record)
    return {
        "messages": len(events),
        "messages_sha256": payloads,
        "records": len(records),
        "records_sha256": digest(records),
        "ignored": dict(sorted(pipeline.counts.ignored.items())),
        "notices": dict(sorted(pipeline.counts.notices.items())),
        "instruments": {
            name: {
                "records": len(some),
                "records_sha256": digest(some),
                "shown": [json.loads(some[place]) for place in (0, len(some) // 2, -1)],
            }
            for name, some in sorted(by_instrument.items())
        },
    }


def recorded(path: Path) -> dict[str, Any]:
    """Digests of one recording: figures, no data."""
    pipeline = new_pipeline()
    records = list(measured(pipeline, RecordingReader(path).batches()))
    return {
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "messages": pipeline.counts.messages,
        "records": len(records),
        "records_sha256": digest(records),
        "faults": dict(sorted(pipeline.counts.faults.items())),
        "ignored": dict(sorted(pipeline.counts.ignored.items())),
    }


def metadata() -> dict[str, Any]:
    """How the files were made."""
    return {
        "how": "python -m tests.golden.records",
        "simulated.json": {
            "source": "simulator.simulate(default_instruments(5), ...), licence of this project",
            "seed": SEED,
            "seconds": SECONDS,
            "runs": {name: repr(dirt) for name, dirt in RUNS.items()},
        },
        "recorded.json": {
            "source": "recordings of Binance streams by others, not part of this project: digests only",
            "sample/, dev/*_20240808.gz": "nkaz001/hftbacktest, commit 5f3ec40b, MIT",
            "dev/*_4symbols_*.gz": "bmoscon/cryptofeed, commit ce58c2a0, XFree86-1.1",
        },
        "settings": repr(MeasureConfig()),
        "schema": SCHEMA,
        "digest": "sha256 of the records in message order, a line feed after each",
    }


def new_pipeline() -> Pipeline:
    """The default settings."""
    return Pipeline(Decoder(), MeasureConfig(), Counts())


def measured(pipeline: Pipeline, raws: Iterable[RawBatch]) -> Iterator[bytes]:
    """All records."""
    for result in measure_batches(pipeline, raws):
        yield from result.records


def batches(events: Iterable[Event]) -> Iterator[RawBatch]:
    """The simulated messages as they would lie in a topic."""
    numbered = enumerate(events)
    while some := list(islice(numbered, BATCH)):
        raw = RawBatch("simulated")
        for offset, event in some:
            headers = [("recv_ns", str(event.recv_ns).encode())]
            key = f"{event.venue}:{event.symbol}".encode()
            raw.append(event.payload, key=key, headers=headers, offset=offset, timestamp_ms=event.recv_ns // 1_000_000)
        yield raw


def digest(records: Iterable[bytes]) -> str:
    """See METADATA."""
    found = hashlib.sha256()
    for record in records:
        found.update(record + b"\n")
    return found.hexdigest()


def read(path: Path) -> dict[str, Any]:
    """A golden file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a golden file, readable."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write all files anew."""
    write(SIMULATED, {run: simulated(run) for run in RUNS})
    known = read(RECORDED) if RECORDED.exists() else {}
    there = {str(path.relative_to(RECORDINGS)): recorded(path) for path in sorted(RECORDINGS.glob("*/*.gz"))}
    write(RECORDED, known | there)
    write(METADATA, metadata())


if __name__ == "__main__":
    main()
