"""Quix Streams: a stateful function a message, in an environment of its own (``benchmarks.peers.environments``).

``python -m benchmarks.peers.quix BOOTSTRAP RAW OUT GROUP FOLDER at-least-once|exactly-once``. Settings are its defaults (a
commit every 5 s, state in RocksDB with a changelog topic). It runs until it is told to stop.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
from quixstreams import Application

from benchmarks.peers.eight import WINDOW, book_of, event, record


def compute(value: bytes, state: Any) -> bytes:
    """The record of one message. The window is written only when something happened, the book always."""
    data = orjson.loads(value)["data"]
    book = book_of(data)
    previous, delta = state.get("memory", (None, 0.0))
    if happened := event(previous, book):
        events = [*state.get("events", []), happened][-WINDOW:]
        state.set("events", events)
        delta = sum(events)
    state.set("memory", (book, delta))
    return orjson.dumps(record(data, book, delta))


def run(bootstrap: str, raw: str, out: str, *, group: str, folder: str, guarantee: str) -> None:
    """Until SIGTERM."""
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=folder,
        processing_guarantee=guarantee,
        loglevel="WARNING",
    )
    source = app.topic(raw, key_deserializer="bytes", value_deserializer="bytes")
    sink = app.topic(out, key_serializer="bytes", value_serializer="bytes")
    frame = app.dataframe(source)
    frame = frame.apply(compute, stateful=True)
    frame.to_topic(sink)
    app.run()


if __name__ == "__main__":
    *topics, name, state, promise = sys.argv[1:]
    run(*topics, group=name, folder=state, guarantee=promise)
