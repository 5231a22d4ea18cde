"""WebSockets by the core's numbers: connected, read, written, closed; what comes of it is told to a host.

Owns the choices of the WebSocket library: no compression (it costs both ends more than the lines), our own pings beside
the exchange's (which the library answers), and how much is read ahead while Kafka has no room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from connectors.live.reasons import reason_of

_CHOICES: Final[dict[str, Any]] = {
    "compression": None,
    "max_size": 8_000_000,
    # In frames. One read of a busy socket brings dozens; beyond this much, the socket itself has to wait.
    "max_queue": (1024, 256),
    "open_timeout": 10.0,
    "ping_interval": 20.0,
    "ping_timeout": 30.0,
    "close_timeout": 1.0,
    "user_agent_header": "obi",
}


class Host(Protocol):
    """Whoever is told."""

    def opened(self, socket: int) -> None:
        """It is connected."""

    def frame(self, socket: int, data: bytes) -> bool:
        """A message came; True: wait in ``room`` before the next one."""

    def closed(self, socket: int, why: str) -> None:
        """It has ended, or could not be connected. The last that is told of it."""

    async def room(self) -> None:
        """Return once there is room for another message."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside the rest; a failure ends the feed."""


class Sockets:
    """All sockets of a feed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._connections: dict[int, ClientConnection] = {}
        self._whys: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def open(self, socket: int, url: str) -> None:
        """Connect; the host is told ``opened`` or ``closed``."""
        self._tasks[socket] = self._host.spawn(self._live(socket, url))

    def send(self, socket: int, text: str) -> None:
        """Send a text, unless the socket has ended; texts of one socket keep their order."""
        if (connection := self._connections.get(socket)) is not None:
            self._host.spawn(_send(connection, text))

    def close(self, socket: int, why: str) -> None:
        """Close it, or give up connecting; the host is told ``closed``. What was received until then is told before."""
        task = self._tasks.get(socket)
        if task is None or socket in self._whys:
            return
        self._whys[socket] = why
        if (connection := self._connections.get(socket)) is None:
            task.cancel()
        else:
            self._host.spawn(connection.close())

    async def ended(self, timeout_s: float) -> None:
        """Return once all have ended; those that are still there after the time are cut off."""
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks.values(), timeout=timeout_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=timeout_s)

    async def _live(self, socket: int, url: str) -> None:
        """From the first attempt to the end, and then tell why."""
        try:
            why = await self._read(socket, url)
        except asyncio.CancelledError:
            # Given up while connecting, or cut off at the end; as a task, this is done.
            why = "given up"
        finally:
            self._connections.pop(socket, None)
            self._tasks.pop(socket, None)
        self._host.closed(socket, self._whys.pop(socket, why))

    async def _read(self, socket: int, url: str) -> str:
        """Connect and tell each message, to the end; why it ended."""
        host = self._host
        try:
            connection = await connect(url, **_CHOICES)
        except (OSError, asyncio.TimeoutError, WebSocketException, ImportError) as error:  # ImportError: a SOCKS proxy
            return f"could not connect to {url}: {reason_of(error)}"
        self._connections[socket] = connection
        host.opened(socket)
        receive, frame = connection.recv, host.frame
        try:
            # Waits only when all that was received has been told: a busy socket is emptied at one go.
            while True:
                if frame(socket, await receive(decode=False)):
                    await host.room()
        except ConnectionClosed as error:
            return reason_of(error)


async def _send(connection: ClientConnection, text: str) -> None:
    with suppress(ConnectionClosed):  # its reader tells
        await connection.send(text)
