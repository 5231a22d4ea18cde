"""Partial books derived from differences are the true books, in the venue's own text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from connectors.derive_depth import derive_depth20
from connectors.feed_recording import merged
from connectors.raw_topic import Message
from connectors.recordings import RecordingReader
from simulator import Event, default_instruments, simulate

SNAPSHOT = "@snapshot"


def message(event: Event) -> Message:
    return Message(event.recv_ns, f"{event.venue}:{event.symbol}".encode(), event.payload, [])


def simulated(index: int, seconds: float = 5) -> list[Event]:
    instrument = default_instruments(5)[index]
    return list(simulate([replace(instrument, streams=(*instrument.streams,))], seconds=seconds, seed=3))


def depth20(messages: Iterable[Message]) -> list[dict[str, object]]:
    documents = [orjson.loads(item.value) for item in messages]
    return [document["data"] for document in documents if "@depth20@100ms" in document["stream"]]


@pytest.mark.parametrize("index", [0, 2, 4], ids=["spot", "usdm", "coinm"])
def test_every_derived_book_is_the_true_book(index: int) -> None:
    events = simulated(index)
    truths = {}
    for event in events:
        if event.truth is not None:
            truths[orjson.loads(event.payload)["data"]["u"]] = event.truth
    derived = depth20(derive_depth20(map(message, events)))
    names = ("lastUpdateId", "bids", "asks") if index == 0 else ("u", "b", "a")

    assert len(derived) > 40
    for data in derived:
        update_id, bids, asks = (data[name] for name in names)
        truth = truths[update_id]
        assert (bids, asks) == ([list(level) for level in truth.bids], [list(level) for level in truth.asks])


def test_differences_and_snapshots_are_replaced_and_all_else_passes_untouched() -> None:
    events = simulated(0)
    messages = list(map(message, events))
    derived = list(derive_depth20(messages))
    streams = {orjson.loads(item.value)["stream"] for item in derived}

    assert streams == {"btcusdt@depth20@100ms", "btcusdt@trade", "btcusdt@bookTicker"}
    kept = [item for item in messages if b"@trade" in item.value or b"@bookTicker" in item.value]
    assert [item for item in derived if b"@depth20" not in item.value] == kept


def test_differences_that_waited_follow_the_snapshot_each_as_a_book() -> None:
    events = simulated(2)
    at = next(index for index, event in enumerate(events) if event.stream.endswith(SNAPSHOT))
    snapshot_id = orjson.loads(events[at].payload)["data"]["lastUpdateId"]
    waited = [orjson.loads(event.payload)["data"]["u"] for event in events[:at] if "@depth@" in event.stream]
    derived = list(derive_depth20(map(message, events[: at + 1])))

    assert [data["u"] for data in depth20(derived)] == [update_id for update_id in waited if update_id >= snapshot_id]


def test_after_a_gap_there_is_nothing_until_the_next_snapshot() -> None:
    events = [event for event in simulated(2) if "@depth@" in event.stream or event.stream.endswith(SNAPSHOT)]
    at = next(index for index, event in enumerate(events) if event.stream.endswith(SNAPSHOT))
    gapped = events[: at + 5] + events[at + 6 :]

    assert len(depth20(derive_depth20(map(message, gapped)))) < 10


@pytest.mark.parametrize(
    "value", [b"", b"[1]", b'{"stream":"x@depth","data":{"U":1}}', b'{"stream":"x@snapshot","data":{}}']
)
def test_what_is_malformed_is_left_for_the_job_to_refuse(value: bytes) -> None:
    odd = Message(1, b"v:X", value, [])
    (passed, *rest) = [*derive_depth20([Message(0, b"v:X", b'{"stream":"x@trade"}', []), odd])][1:] or [odd]

    assert (passed, rest) == (odd, [])


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "books"),
    [
        # Differences that waited for the snapshot and are newer than it count: they are books here. The figure for
        # spot BTC is one less, since after its last difference no bookTicker comes that would close the comparison.
        ("spot_btcusdt", 609),
        ("spot_ethusdt", 606),
        ("usdm_btcusdt", 1145),
        ("usdm_ethusdt", 1149),
    ],
)
def test_derived_books_of_recordings_have_the_exchanges_best_prices(recordings: Path, name: str, books: int) -> None:
    (path,) = (recordings / "sample").glob(f"{name}_*.gz")
    quotes: list[tuple[int, list[str]]] = []
    derived = []
    for item in derive_depth20(merged([RecordingReader(path)])):
        document = orjson.loads(item.value)
        data = document["data"]
        if document["stream"].endswith("@bookTicker"):
            quotes.append((data["u"], [data["b"], data["B"], data["a"], data["A"]]))
        elif "@depth20" in document["stream"]:
            bids, asks = data.get("bids", data.get("b")), data.get("asks", data.get("a"))
            derived.append((data.get("lastUpdateId", data.get("u")), [*bids[0], *asks[0]]))
    wrong = []
    for update_id, best in derived:
        expected = [quote for quoted_id, quote in quotes if quoted_id <= update_id][-1]
        if list(map(float, best)) != list(map(float, expected)):
            wrong.append(update_id)

    assert (len(derived), wrong) == (books, [])
