"""The loop of a live feed: facts to the core, the core's actions carried out, until it is told to stop.

Owns the order of things: actions are carried out as they were appended, before the next fact is told; at the end sockets
are closed first, then Kafka has everything, all within five seconds. The core's time is that of ``Outflow.now_s``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Final, Protocol, TypeVar

from connectors.binance.actions import Close, Fetch, Note, Open, Send, Write
from connectors.binance.feed_core import FeedCore
from connectors.broker import BrokerError
from connectors.live.asking import ExchangeError
from connectors.live.outflow import Outflow
from connectors.live.rest import Rest
from connectors.live.sockets import Sockets

LOG: Final = logging.getLogger("obi.feed")

_TICK_S: Final = 0.1
_LOOK_S: Final = 1.0
_CLOSE_S: Final = 1.2
_FINISH_S: Final = 3.0
"""With the time for closing: less than the five seconds that are promised."""

_LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_RESERVED: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

T = TypeVar("T")


class Symbols(Protocol):
    """Where the set of wanted symbols comes from."""

    async def first(self) -> Sequence[str]:
        """The set to begin with; waits for the exchange."""

    async def changed(self, *, asked: bool) -> Sequence[str] | None:
        """Another set, or None: nothing has changed. ``asked``: somebody wants it to be looked at."""


class LiveFeed:
    """One feed of one venue.

    Args:
        core: knows the protocol.
        out: takes the messages.
        rest: asks by HTTP.
        symbols: which ones.
        give_up_after_s: how long nothing may be connected; 0: for ever.
    """

    def __init__(
        self, core: FeedCore, out: Outflow, rest: Rest, symbols: Symbols, *, give_up_after_s: float = 0.0
    ) -> None:
        self.core = core
        self.out = out
        self.symbols: tuple[str, ...] = ()
        self._rest = rest
        self._wanted = symbols
        self._give_up_after_s = give_up_after_s
        self._sockets = Sockets(self)
        self._actions = core.actions
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = asyncio.Event()
        self._asked = False
        self._failure: BaseException | None = None

    def stop(self) -> None:
        """End in order, soon."""
        self._stopped.set()

    def look_again(self) -> None:
        """Ask for the set of symbols again, soon."""
        self._asked = True

    async def run(self) -> None:
        """Feed until ``stop``, and until Kafka has everything.

        Raises:
            ExchangeError: It could not be reached for too long.
            DeliveryError: Kafka did not take a message.
            ValueError: The wanted symbols and options don't fit the exchange's limits.
        """
        found = await self._unless_stopped(self._wanted.first())
        if found is None:
            return
        self._want(found)
        try:
            for work in (self.out.serve(), self._tick(), self._look()):
                self.spawn(work)
            await self._stopped.wait()
        finally:
            await self._finish()

    # What sockets tell.

    def opened(self, socket: int) -> None:
        """A socket is connected."""
        self.core.opened(socket, self.out.now_s)
        self._act()

    def frame(self, socket: int, data: bytes) -> bool:
        """A message came; True: there is no room for another one. The hot path."""
        self.core.frame(socket, data, time.time_ns(), self.out.now_s)
        actions = self._actions
        while actions:
            action = actions.popleft()
            if type(action) is Write:
                self.out.put(action)
            else:
                self._carry_out(action)
        return self.out.full

    def closed(self, socket: int, why: str) -> None:
        """A socket has ended, or could not be connected."""
        self.core.closed(socket, why, self.out.now_s)
        self._act()

    async def room(self) -> None:
        """Return once there is room for another message."""
        await self.out.room()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside the rest; a failure ends the feed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    # What the core asks for.

    def _act(self) -> None:
        while self._actions:
            self._carry_out(self._actions.popleft())

    def _carry_out(self, action: object) -> None:
        match action:
            case Write():
                self.out.put(action)
            case Open(socket, url):
                self._sockets.open(socket, url)
            case Close(socket, why):
                self._sockets.close(socket, why)
            case Send(socket, text):
                self._sockets.send(socket, text)
            case Fetch():
                self.spawn(self._fetch(action))
            case Note(level, kind, text, fields):
                extra = {f"{name}_" if name in _RESERVED else name: value for name, value in fields.items()}
                LOG.log(_LEVELS[level], text, extra={"kind": kind, **extra})
            case _:
                raise TypeError(f"expected an action of the core, received {action!r}")

    async def _fetch(self, fetch: Fetch) -> None:
        answer = await self._rest.get(fetch.url)
        self.core.fetched(fetch.number, answer, time.time_ns(), self.out.now_s)
        self._act()

    # What goes on beside.

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = self.out.now_s
            self.core.tick(now)
            self._act()
            down_since = self.core.status.down_since_s
            if self._give_up_after_s and down_since is not None and now - down_since >= self._give_up_after_s:
                raise ExchangeError(
                    f"expected the exchange to be reached within {self._give_up_after_s:g} s, nothing is connected; look "
                    "after the network, or wait longer with --give-up-after"
                )

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            asked, self._asked = self._asked, False
            found = await self._wanted.changed(asked=asked)
            if found is not None:
                self._want(found)

    def _want(self, symbols: Sequence[str]) -> None:
        self.core.want(symbols, self.out.now_s)
        self.symbols = tuple(symbols)
        self._act()

    # The end.

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._stopped.set()

    async def _unless_stopped(self, work: Awaitable[T]) -> T | None:
        """What comes of it; None when the feed was stopped meanwhile."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({stopped, task}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for each in (stopped, task):
                each.cancel()

    async def _finish(self) -> None:
        """Close the sockets, let Kafka have what came, and raise what went wrong."""
        broken = isinstance(self._failure, BrokerError)
        self.core.stop(self.out.now_s)
        while self._actions:
            action = self._actions.popleft()
            if not broken or isinstance(action, Close):
                self._carry_out(action)
        await self._sockets.ended(_CLOSE_S)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not broken:
            await self.out.finish(_FINISH_S)
        if self._failure is not None:
            raise self._failure
