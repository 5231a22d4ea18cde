"""From the core's messages into Kafka: order, a full queue, a broker that is slow."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest

from connectors.binance.actions import Write
from connectors.broker import DeliveryError
from connectors.live.outflow import Outflow
from connectors.raw import Headers
from connectors.raw_topic import RawTopicWriter


class Writer:
    """A queue of three; what it holds is acknowledged when a test says so."""

    def __init__(self) -> None:
        self.held: list[tuple[bytes | None, bytes]] = []
        self.done: list[tuple[bytes | None, bytes]] = []
        self.served = 0
        self.stuck = True
        self.fails = False

    @property
    def acknowledged(self) -> int:
        return len(self.done)

    @property
    def waiting(self) -> int:
        return len(self.held)

    def offer(self, key: bytes | None, value: bytes, _headers: Headers) -> int | None:
        if len(self.held) == 3:
            return None
        self.held.append((key, value))
        return 0

    def serve(self) -> None:
        self.served += 1
        if self.fails:
            raise DeliveryError("no")
        if not self.stuck:
            self.done += self.held
            self.held.clear()

    def close(self, _timeout_s: float, *, left_behind: int) -> None:
        if left := left_behind + len(self.held):
            raise DeliveryError(f"{left} are left")


def write(number: int, symbol: str | None = "A") -> Write:
    return Write(symbol, b"%d" % number, [])


def outflow(writer: Writer, **more: Any) -> Outflow:
    return Outflow(cast("RawTopicWriter", writer), "v", **more)


def test_a_key_is_venue_and_symbol_or_nothing() -> None:
    writer = Writer()
    out = outflow(writer)
    for symbol in ("A", None, "A"):
        out.put(write(1, symbol))

    assert [key for key, _ in writer.held] == [b"v:A", None, b"v:A"]


def test_behind_a_full_queue_the_order_stays_and_reading_waits_until_all_is_taken() -> None:
    writer = Writer()

    async def main() -> None:
        out = outflow(writer)
        for number in range(8):
            out.put(write(number))
        assert out.full
        assert (out.written, out.waiting, out.pauses) == (8, 8, 1)
        serving = asyncio.ensure_future(out.serve())
        waiting = asyncio.ensure_future(out.room())
        await asyncio.sleep(0.03)
        assert not waiting.done()
        writer.stuck = False
        await asyncio.wait_for(waiting, 5)
        assert out.waiting == len(writer.held)
        serving.cancel()
        await out.finish(1.0)

    asyncio.run(main())

    assert [value for _, value in writer.done] == [b"%d" % number for number in range(8)]


def test_the_end_waits_for_acknowledgements_and_tells_what_is_left() -> None:
    async def main() -> None:
        out = outflow(Writer())
        for number in range(5):
            out.put(write(number))
        await out.finish(0.05)

    with pytest.raises(DeliveryError, match="5 are left"):
        asyncio.run(main())


def test_a_failed_delivery_ends_serving() -> None:
    writer = Writer()
    writer.fails = True

    with pytest.raises(DeliveryError):
        asyncio.run(outflow(writer).serve())


def test_a_broker_that_says_nothing_is_told_every_five_seconds(caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer()
    now = 100.0

    async def main() -> None:
        nonlocal now
        out = outflow(writer, clock=lambda: now)
        out.put(write(1))
        serving = asyncio.ensure_future(out.serve())
        for _ in range(4):
            served = writer.served
            while writer.served < served + 2:
                await asyncio.sleep(0.001)
            now += 4.0
        serving.cancel()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())

    told = [record.__dict__ for record in caplog.records if record.getMessage() == "waiting for Kafka"]
    assert [(each["seconds"], each["messages"], each["reading"]) for each in told] == [(8, 1, "goes on")]


def test_time_stands_still_while_there_is_no_room() -> None:
    writer = Writer()
    now = 100.0

    async def main() -> list[float]:
        nonlocal now
        out = outflow(writer, clock=lambda: now)
        times = [out.now_s]
        for number in range(4):
            now += 1.0
            out.put(write(number))
        times.append(out.now_s)
        now += 60.0
        times.append(out.now_s)
        writer.stuck = False
        await out.finish(1.0)
        times.append(out.now_s)
        now += 1.0
        times.append(out.now_s)
        return times

    assert asyncio.run(main()) == [100.0, 104.0, 104.0, 104.0, 105.0]
