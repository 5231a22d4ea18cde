"""Owns time: when each message of the tape goes out, and that the tape waits where somebody else must come first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from fake_exchange.book import Judge
from fake_exchange.hub import Hub
from fake_exchange.ledger import Ledger
from fake_exchange.messages import SNAPSHOT, Message
from fake_exchange.rest import Rest
from fake_exchange.sources import Tape

_NS: Final = 1_000_000_000
_SHORTEST_S: Final = 0.001
_LONGEST_S: Final = 0.02
"""Between two writes, at full speed too: others want to be heard."""

_BACKLOG: Final = 1 << 20
_PATIENCE_S: Final = 10.0
"""A client that takes nothing for so long is cut off; a snapshot that nobody asks for is passed over."""


class Player:
    """Plays a tape.

    Args:
        hub: where messages go.
        judge: learns the snapshots that are on the tape.
        rest: gives them to those who wait for them.
        ledger: hears what was odd.
        speed: seconds of the tape a second; None: as fast as the clients take it.
        settle_s: how long the tape stands still before and after a recorded snapshot is answered, so that whoever merges
            stream and answer gets them in the recorded order.
        each_write: called once between writes.
    """

    def __init__(
        self,
        hub: Hub,
        judge: Judge,
        rest: Rest,
        ledger: Ledger,
        *,
        speed: float | None,
        settle_s: float,
        each_write: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._judge = judge
        self._rest = rest
        self._ledger = ledger
        self._speed = speed
        self._settle_s = settle_s
        self._each_write = each_write
        self._origin_s = 0.0
        self._first_ns = 0

    async def play(self, tape: Tape, first: Message | None = None) -> None:
        """Play it to its end; ``first`` comes before."""
        written_s = self._origin_s = time.monotonic()
        if first is not None:
            self._first_ns = first.time_ns
            self._hub.publish(first)
        for message in tape:
            self._first_ns = self._first_ns or message.time_ns
            while (ahead_s := self._due_s(message) - time.monotonic()) > 0:
                await self._write(max(ahead_s, _SHORTEST_S))
                written_s = time.monotonic()
            if message.stream == SNAPSHOT:
                await self._snapshot(message)
            else:
                self._hub.publish(message)
            if time.monotonic() - written_s > _LONGEST_S:
                await self._write(0.0)
                written_s = time.monotonic()
        await self._write(0.0)

    def _due_s(self, message: Message) -> float:
        if self._speed is None:
            return 0.0
        return self._origin_s + (message.time_ns - self._first_ns) / _NS / self._speed

    async def _write(self, wait_s: float) -> None:
        """Write what waits, let the others have their turn, and wait for clients that are behind."""
        self._hub.flush()
        self._each_write()
        # Never longer than this: what is injected by hand wants to be written too.
        await asyncio.sleep(min(wait_s, _LONGEST_S))
        begun = time.monotonic()
        while behind := [one for one in self._hub.sockets if one.backlog > _BACKLOG]:
            await asyncio.sleep(_SHORTEST_S)
            if time.monotonic() - begun > _PATIENCE_S:
                for socket in behind:
                    self._ledger.note("a client is too slow and is cut off", socket=socket.number, bytes=socket.backlog)
                    socket.connection.transport.abort()

    async def _snapshot(self, message: Message) -> None:
        """Hand a recorded snapshot out where it stands in the recording: the tape waits until somebody asks for it."""
        begun = time.monotonic()
        is_wanted = self._hub.has_readers(message.symbol, "depth")
        if is_wanted:
            self._hub.flush()
            if await self._rest.is_asked(message.symbol, _PATIENCE_S):
                await asyncio.sleep(self._settle_s)
            else:
                self._ledger.note("nobody asked for a recorded snapshot", symbol=message.symbol)
        self._rest.hand_out(message)
        self._judge.see(message)
        if is_wanted:
            await asyncio.sleep(self._settle_s)
        self._origin_s += time.monotonic() - begun
