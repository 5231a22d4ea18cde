"""Books over time out of raw messages: their best prices are those of the job's records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.recordings import RecordingReader, write_recording
from consumers.heatmap.book_reader import BookReader
from consumers.heatmap.grid import paint
from consumers.heatmap.timeline import Timeline
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.settings import Settings
from simulator import default_instruments, simulate

SPOT = "binance-spot:BTCUSDT"


def reader(levels: int = 50, wanted: Any = None) -> BookReader:
    new = partial(Timeline, step_ms=100, most=100_000, rolling=True)
    return BookReader(Decoder(depth_levels=levels), levels=levels, timeline=new, wanted=wanted)


def simulated(path: Path, streams: Sequence[str], seconds: float = 6) -> RecordingReader:
    instruments = [replace(default_instruments(1)[0], streams=tuple(streams))]
    write_recording(path, ((event.recv_ns, event.payload) for event in simulate(instruments, seconds=seconds, seed=3)))
    return RecordingReader(path)


def records(recording: RecordingReader) -> Iterator[dict[str, Any]]:
    for result in measure_batches(pipeline_of(Settings(), Counts()), recording.batches()):
        yield from map(orjson.loads, result.records)


def raw(*documents: object, begin: int = 0) -> RawBatch:
    batch = RawBatch("raw")
    for offset, document in enumerate(documents, begin):
        batch.append(orjson.dumps(document), key=SPOT.encode(), offset=offset)
    return batch


def partial_book(update_id: int, bid: float, ms: int) -> dict[str, Any]:
    levels = {"bids": [[str(bid), "1"]], "asks": [[str(bid + 1), "1"]]}
    return {"symbol": "BTCUSDT", **levels, "ts_ms": ms, "id": update_id}


@pytest.mark.parametrize("streams", [("depth20@100ms", "trade"), ("depth@100ms", "snapshot", "trade")])
def test_best_prices_are_those_of_the_records(tmp_path: Path, streams: Sequence[str]) -> None:
    recording = simulated(tmp_path / "spot_sim", streams)
    books = reader()
    for batch in recording.batches(size=77):
        books.take(batch)
    by_offset = {record["source"]["offset"]: record for record in records(recording)}

    (instrument,) = books.instruments()
    timeline = books.timeline(instrument)
    assert timeline is not None
    columns = timeline.columns()
    grid = paint(timeline, begin_ms=columns[0].start_ms, end_ms=timeline.newest_ms, most_rows=200, most_columns=50)
    assert grid is not None
    known = [at for at, offset in enumerate(grid.offsets) if offset >= 0]
    assert len(known) > 25
    for at in known:
        record = by_offset[int(grid.offsets[at])]
        assert (grid.best_bid[at], grid.best_ask[at]) == (record["best_bid"], record["best_ask"])
    assert books.is_full(instrument) == ("snapshot" in streams)


def test_trades_add_up_to_those_of_the_stream(tmp_path: Path) -> None:
    recording = simulated(tmp_path / "spot_sim", ("depth20@100ms", "trade", "aggTrade"))
    books = reader()
    bought = sold = 0.0
    for batch in recording.batches():
        books.take(batch)
        for value in batch.values:
            data = orjson.loads(value or b"")["data"]
            if data.get("e") == "trade":
                bought += 0.0 if data["m"] else float(data["q"])
                sold += float(data["q"]) if data["m"] else 0.0
    timeline = books.timeline(SPOT)
    assert timeline is not None

    assert math.isclose(sum(prints.bought for prints in timeline.prints()), bought)
    assert math.isclose(sum(prints.sold for prints in timeline.prints()), sold)
    assert bought > 0.0 < sold


def test_a_full_book_that_waits_for_its_snapshot_leaves_the_place_to_the_partial_one(tmp_path: Path) -> None:
    recording = simulated(tmp_path / "spot_sim", ("depth20@100ms", "depth@100ms"), seconds=2)
    books = reader()
    for batch in recording.batches():
        books.take(batch)
    timeline = books.timeline(SPOT)

    assert timeline is not None
    assert not books.is_full(SPOT)
    assert all(column.known for column in timeline.columns())


def test_only_what_is_wanted_is_kept_and_all_that_was_heard_is_known() -> None:
    books = reader(wanted=lambda name: name.endswith("ETHUSDT"))
    both = RawBatch("raw")
    for offset, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        both.append(orjson.dumps({**partial_book(1, 10.0, 1000), "symbol": symbol}), offset=offset)
    books.take(both)

    assert books.instruments() == ["binance-spot:ETHUSDT"]
    assert books.heard == {SPOT, "binance-spot:ETHUSDT"}
    assert books.timeline(SPOT) is None
    assert not books.is_full(SPOT)


def test_messages_of_two_partitions_with_equal_offsets_are_told_apart() -> None:
    books = reader()
    both = RawBatch("raw")
    for partition, (symbol, price) in enumerate((("BTCUSDT", "60000"), ("ETHUSDT", "2600"))):
        data = {"e": "trade", "E": 1000, "s": symbol, "t": 1, "p": price, "q": "2", "m": False}
        both.append(orjson.dumps({"stream": f"{symbol.lower()}@trade", "data": data}), partition=partition, offset=5)
    books.take(both)

    for symbol, told in (("BTCUSDT", 60_000.0), ("ETHUSDT", 2_600.0)):
        timeline = books.timeline(f"binance-spot:{symbol}")
        assert timeline is not None
        assert [prints.bought_notional / prints.bought for prints in timeline.prints()] == [told]


def test_columns_can_be_forgotten_and_books_kept() -> None:
    books = reader()
    books.take(raw(partial_book(1, 10.0, 1000)))
    books.forget_columns()
    assert books.instruments() == []

    books.take(raw(partial_book(2, 11.0, 2000), begin=1))
    timeline = books.timeline(SPOT)
    assert timeline is not None
    assert [(column.offset, column.best_bid) for column in timeline.columns()] == [(1, 11.0)]


def test_messages_that_cannot_be_used_are_passed_over() -> None:
    books = reader()
    books.take(raw("rubbish", partial_book(1, 10.0, 1000), {"stream": "btcusdt@depth20", "data": {}}))

    assert books.instruments() == [SPOT]
