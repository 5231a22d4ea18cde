"""A simulated market as raw messages, its records, and a scene that has taken both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from connectors.decode import Decoder
from connectors.raw import RawBatch
from consumers.dashboard.scene import Scene, Status
from consumers.record_tail import Arrived
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.settings import Settings
from simulator import default_instruments, simulate

BTC = "binance-spot:BTCUSDT"


def market(seconds: float = 3.0) -> RawBatch:
    raw = RawBatch("depth.raw")
    for event in simulate(default_instruments(1), seconds=seconds, seed=5):
        key = f"{event.venue}:{event.symbol}".encode()
        headers = [("recv_ns", b"%d" % event.recv_ns)]
        raw.append(event.payload, key=key, headers=headers, offset=len(raw), timestamp_ms=event.recv_ns // 1_000_000)
    return raw


def records_of(raw: RawBatch) -> Iterator[Arrived]:
    for result in measure_batches(pipeline_of(Settings(), Counts()), [raw]):
        for offset, value in enumerate(result.records):
            record = orjson.loads(value)
            yield Arrived(record, raw.timestamps_ms[record["source"]["offset"]], 0, offset)


def scene_of(raw: RawBatch, **wanted: Any) -> Scene:
    scene = Scene(Decoder(depth_levels=50), levels=50, keep_s=60, **wanted)
    scene.status = replace(Status(), caught_up=True)
    scene.take_raw(raw, 1.0)
    scene.take_records(list(records_of(raw)), 1.0, raw.timestamps_ms[-1] + 40.0)
    return scene
