"""A client of the fake exchange that knows nothing of ours: what it received, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from fake_exchange import Options, serving
from fake_exchange.server import Served

T = TypeVar("T")
SECONDS = 20.0


class Client:
    """One connection, and requests beside it."""

    def __init__(self, served: Served, socket: ClientConnection, http: httpx2.AsyncClient) -> None:
        self.served = served
        self.socket = socket
        self.base = f"http://{served.address}"
        self.http = http
        self.frames: list[bytes] = []

    async def subscribe(self, *names: str) -> Any:
        """Subscribe; the answer."""
        return await self.say({"method": "SUBSCRIBE", "params": [*names], "id": 1})

    async def say(self, command: dict[str, Any]) -> Any:
        """Send a command; its answer, which is the first frame without a stream."""
        await self.socket.send(json.dumps(command))
        while b'"id"' not in (frame := await self.receive()):
            self.frames.append(frame)
        return json.loads(frame)

    async def receive(self) -> bytes:
        """The next frame."""
        return await asyncio.wait_for(self.socket.recv(decode=False), SECONDS)

    async def take(self, count: int) -> list[bytes]:
        """So many frames more."""
        for _ in range(count):
            self.frames.append(await self.receive())
        return self.frames

    async def until(self, found: Callable[[bytes], bool]) -> bytes:
        """The first frame of which something holds; those before it are kept as well."""
        while True:
            self.frames.append(await self.receive())
            if found(self.frames[-1]):
                return self.frames[-1]

    async def get(self, path: str, **query: str) -> httpx2.Response:
        """A request."""
        return await self.http.get(self.base + path, params=query)

    async def state(self) -> dict[str, Any]:
        """What the exchange tells of itself."""
        found: dict[str, Any] = (await self.get("/control/state")).json()
        return found

    async def finished(self) -> list[bytes]:
        """All frames up to the end of the tape."""
        while not (await self.state())["finished"]:
            await self.drain()
        return await self.drain()

    async def drain(self, quiet_s: float = 0.1) -> list[bytes]:
        """All frames up to a pause."""
        with suppress(asyncio.TimeoutError):
            while True:
                self.frames.append(await asyncio.wait_for(self.socket.recv(decode=False), quiet_s))
        return self.frames


def talk(
    options: Options, story: Callable[[Client], Awaitable[T]], path: str = "/stream", queue: int | None = None
) -> T:
    """Serve an exchange, connect to a path, and play a story; ``queue``: frames that are read before they are asked for."""

    async def run() -> T:
        async with (
            serving(options) as served,
            connect(f"ws://{served.address}{path}", compression=None, max_queue=queue) as socket,
            httpx2.AsyncClient(timeout=SECONDS) as http,
        ):
            return await story(Client(served, socket, http))

    return asyncio.run(run())


def document(frame: bytes) -> dict[str, Any]:
    """The payload of an envelope."""
    found: dict[str, Any] = json.loads(frame)["data"]
    return found


def stream(frame: bytes) -> str:
    """The stream of an envelope."""
    return str(json.loads(frame)["stream"])
