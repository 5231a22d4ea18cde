"""Owns one client's connection: which streams it has, what waits to be written, and the limit of what it may say."""

from __future__ import annotations

import time
from collections import deque

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from fake_exchange.messages import Message, enveloped

Key = tuple[str, str]
"""(symbol, family of streams)."""


class Socket:
    """A connection.

    Args:
        number: 1, 2, 3 ... in the order of connecting.
        connection: the library's.
        families: families of streams that its address delivers.
        combined: whether frames have envelopes (/stream), or are bare (/ws).
        now_s: when it connected, monotonic.

    Attributes:
        names: by what is on the tape, the name under which the client asked for it: a tape has one speed, and serves
            all speeds that are asked for.
        silent_names: those that it asked for and never gets.
    """

    def __init__(
        self, number: int, connection: ServerConnection, families: frozenset[str], *, combined: bool, now_s: float
    ) -> None:
        self.number = number
        self.connection = connection
        self.families = families
        self.combined = combined
        self.since_s = now_s
        self.names: dict[Key, str] = {}
        self.silent_names: set[str] = set()
        self.silent_until_s = 0.0
        self.slow_until_s = 0.0
        self._heard: deque[float] = deque()
        self._waiting: list[tuple[str, int | None, bytes]] = []

    @property
    def all_names(self) -> list[str]:
        """Every stream that the client asked for."""
        return [*self.names.values(), *self.silent_names]

    @property
    def symbols(self) -> list[str]:
        """Symbols that it carries."""
        return sorted({symbol for symbol, _ in self.names})

    def may_say(self, most_per_s: int, now_s: float) -> bool:
        """Whether the client may send one more message."""
        heard = self._heard
        while heard and heard[0] <= now_s - 1.0:
            heard.popleft()
        heard.append(now_s)
        return len(heard) <= most_per_s

    def put(self, message: Message, key: Key, now_s: float) -> None:
        """Take a message to send."""
        if now_s < self.silent_until_s:
            return
        name = self.names[key]
        if not self.combined:
            self._waiting.append((name, message.id, message.data))
        elif name.partition("@")[2] == message.stream:
            self._waiting.append((name, message.id, message.payload))
        else:
            self._waiting.append((name, message.id, enveloped(name.encode(), message.data)))

    def put_raw(self, stream: str, data: bytes) -> None:
        """Take a frame to send, as it is."""
        self._waiting.append((stream, None, data))

    def take(self, now_s: float) -> list[tuple[str, int | None, bytes]]:
        """(stream, id, bytes) of what is to be written now; it is the caller's from now on."""
        if now_s < self.slow_until_s or not self._waiting:
            return []
        waiting, self._waiting = self._waiting, []
        return waiting

    def write(self, frames: list[tuple[str, int | None, bytes]]) -> None:
        """Hand frames to the system in one piece: a call for each would take most of a core at 8 000 a second."""
        self.connection.transport.write(
            b"".join([Frame(Opcode.TEXT, data).serialize(mask=False) for _, _, data in frames])
        )

    @property
    def is_open(self) -> bool:
        """Whether writing to it makes sense."""
        return self.connection.state is State.OPEN and not self.connection.transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet."""
        return self.connection.transport.get_write_buffer_size() if self.is_open else 0

    @property
    def is_slow(self) -> bool:
        """Whether a fault holds its frames back."""
        return time.monotonic() < self.slow_until_s
