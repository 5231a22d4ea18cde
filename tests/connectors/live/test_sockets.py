"""WebSockets by number: what a host is told of them, and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from connectors.live.reasons import reason_of
from connectors.live.sockets import Sockets
from tests.connectors.live.tiny_exchange import TinyExchange


class Host:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.has_room = asyncio.Event()
        self.full = False

    def opened(self, socket: int) -> None:
        self.told.append(("opened", socket))

    def frame(self, socket: int, data: bytes) -> bool:
        self.told.append(("frame", socket, data))
        return self.full

    def closed(self, socket: int, why: str) -> None:
        self.told.append(("closed", socket, why))

    async def room(self) -> None:
        await self.has_room.wait()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    async def until(self, *what: object) -> None:
        async def look() -> None:
            while not any(told[: len(what)] == what for told in self.told):
                await asyncio.sleep(0.005)

        await asyncio.wait_for(look(), 5)


def test_a_socket_is_opened_read_written_and_closed_with_a_reason() -> None:
    async def main() -> None:
        host = Host()
        sockets = Sockets(host)
        async with TinyExchange() as exchange:
            sockets.open(1, f"{exchange.ws_url}/public/stream")
            await host.until("opened", 1)
            sockets.send(1, '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":5}')
            await host.until("frame", 1, b'{"result":null,"id":5}')
            await exchange.send("one", "two")
            await host.until("frame", 1, b"two")
            sockets.close(1, "enough")
            sockets.close(1, "again")
            await sockets.ended(2.0)
            sockets.send(1, "late")
            sockets.close(1, "late")
        assert exchange.paths == ["/public/stream"]
        assert exchange.streams == ["btcusdt@trade"]
        assert [told[0] for told in host.told] == ["opened", "frame", "frame", "frame", "closed"]
        assert host.told[-1] == ("closed", 1, "enough")
        assert len(sockets) == 0

    asyncio.run(main())


def test_what_cannot_be_connected_is_closed_with_the_reason() -> None:
    async def main() -> list[tuple[Any, ...]]:
        host = Host()
        sockets = Sockets(host)
        async with TinyExchange() as exchange:
            exchange.answers["/no"] = []
        sockets.open(1, f"ws://127.0.0.1:{exchange.port}/x")
        sockets.open(2, "ws://no-such-host.invalid/x")
        await sockets.ended(10.0)
        return host.told

    told = {socket: why for _, socket, why in asyncio.run(main())}

    assert told[1].startswith("could not connect to ws://127.0.0.1:")
    assert told[2].startswith("could not connect to ws://no-such-host.invalid/x: ")


def test_what_is_still_connecting_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def main() -> list[tuple[Any, ...]]:
        host = Host()
        sockets = Sockets(host)
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        sockets.open(1, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await asyncio.sleep(0.1)
        sockets.close(1, "not wanted any more")
        await sockets.ended(5.0)
        await asyncio.sleep(0.05)
        server.close()
        await server.wait_closed()
        return host.told

    assert asyncio.run(main()) == [("closed", 1, "not wanted any more")]


def test_a_reader_waits_for_room_and_the_exchange_waits_with_it() -> None:
    async def main() -> None:
        host = Host()
        host.full = True
        sockets = Sockets(host)
        async with TinyExchange() as exchange:
            sockets.open(1, exchange.ws_url)
            await host.until("opened", 1)
            while not exchange.clients:
                await asyncio.sleep(0.01)
            await exchange.send(*map(str, range(100)))
            await host.until("frame", 1, b"0")
            await asyncio.sleep(0.05)
            assert len(host.told) == 2
            host.has_room.set()
            await host.until("frame", 1, b"99")
            sockets.close(1, "done")
            await sockets.ended(2.0)
        frames = [told[2] for told in host.told if told[0] == "frame"]
        assert frames == [b"%d" % number for number in range(100)]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionClosedOK(Close(1001, "going"), Close(1001, ""), True), "the exchange closed it: 1001 going"),
        (
            ConnectionClosedError(None, Close(1011, "keepalive ping timeout"), None),
            "closed: 1011 keepalive ping timeout",
        ),
        (ConnectionClosedError(None, None, None), "cut off without a word"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "no answer in time"),
        (TimeoutError("timed out during opening handshake"), "timed out during opening handshake"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_reason_is_one_line(error: Exception, told: str) -> None:
    assert reason_of(error) == told


def test_a_cut_line_tells_the_cause() -> None:
    error = ConnectionClosedError(None, None, None)
    error.__cause__ = ConnectionResetError(104, "Connection reset by peer")

    assert reason_of(error) == "cut off: Connection reset by peer"
