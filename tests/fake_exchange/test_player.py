"""Time: paces, where a recorded snapshot lands, and that all that is written down is what a client received."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from connectors.recordings import write_recording
from fake_exchange import Options
from simulator import simulate
from simulator.presets import instruments_of
from tests.fake_exchange.client import Client, document, talk

DEPTH = "btcusdt@depth@0ms"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "usdm_btcusdt.gz"
    events = simulate(instruments_of("binance-usdm", 1), seconds=2, seed=4)
    write_recording(path, ((event.recv_ns, event.payload) for event in events))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(("speed", "seconds"), [(2.0, 1.0), (None, 0.0)])
def test_a_tape_takes_its_time(recording: Path, speed: float | None, seconds: float) -> None:
    async def story(client: Client) -> float:
        begun = time.monotonic()
        await client.subscribe("btcusdt@trade")
        await client.finished()
        return time.monotonic() - begun

    took_s = talk(Options(venue="binance-usdm", recordings=(recording,), speed=speed), story)

    assert seconds - 0.1 <= took_s <= seconds + 0.9


def test_a_recorded_snapshot_is_answered_where_it_stands(recording: Path) -> None:
    async def story(client: Client) -> tuple[list[int], int, dict[str, Any], int]:
        await client.subscribe(DEPTH)
        await client.take(1)
        asking = asyncio.create_task(client.get("/fapi/v1/depth", symbol="BTCUSDT", limit="1000"))
        while not asking.done():
            await client.drain(0.01)
        before = len(client.frames)
        frames = await client.finished()
        later = await client.get("/fapi/v1/depth", symbol="BTCUSDT")
        return [document(frame)["u"] for frame in frames], before, asking.result().json(), later.status_code

    options = Options(venue="binance-usdm", recordings=(recording,), speed=None, settle_s=0.15, recorded_only=True)
    ids, before, body, later = talk(options, story)

    kinds = [
        (event.stream, json.loads(event.payload)["data"])
        for event in simulate(instruments_of("binance-usdm", 1), seconds=2, seed=4)
    ]
    place = next(number for number, (name, _) in enumerate(kinds) if name.endswith("@snapshot"))
    assert ids == [data["u"] for name, data in kinds if name == DEPTH]
    assert before == sum(name == DEPTH for name, _ in kinds[:place])
    assert body == kinds[place][1]
    assert later == 503


def test_what_was_sent_and_what_was_true_is_written_down(tmp_path: Path) -> None:
    sent, truth = tmp_path / "sent", tmp_path / "truth"
    options = Options(venue="binance-spot", symbols=1, seconds=2.0, speed=None, sent=sent, truth=truth)

    async def story(client: Client) -> tuple[list[bytes], dict[str, Any]]:
        await client.subscribe("btcusdt@depth@100ms", "btcusdt@depth20@100ms", "btcusdt@trade")
        return await client.finished(), await client.state()

    frames, state = talk(options, story)

    written = lines(sent)
    assert [(row["length"], row["crc32"]) for row in written] == [(len(frame), crc32(frame)) for frame in frames]
    assert state["frames"] == len(frames) == sum(row["count"] for row in state["sent"].values())
    best = {(row["stream"], row["update_id"]): (row["bid"], row["ask"]) for row in lines(truth)}
    partials = [document(frame) for frame in frames if b"depth20" in frame]
    assert partials
    for partial in partials:
        both = (partial["bids"][0], partial["asks"][0])
        assert best["depth20@100ms", partial["lastUpdateId"]] == both
        assert best.get(("depth@100ms", partial["lastUpdateId"]), both) == both


def test_a_client_that_reads_late_loses_nothing(tmp_path: Path) -> None:
    options = Options(venue="binance-usdm", symbols=40, tapes=2, seconds=25.0, speed=None)

    async def story(client: Client) -> tuple[int, int]:
        names = [f"{symbol.lower()}@depth20@100ms" for symbol in client.served.exchange.symbols]
        await client.subscribe(*names)
        await asyncio.sleep(0.5)
        waiting = client.served.exchange.finished
        frames = await client.finished()
        return waiting, len(frames) - (await client.state())["frames"]

    assert talk(options, story, queue=16) == (False, 0)
