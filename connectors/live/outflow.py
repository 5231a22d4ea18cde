"""From the core's messages into Kafka: in their order, without waiting in the middle of a call, and without a loss.

Owns the way back of a full queue: a message that librdkafka has no room for stays here, ``full`` says so, and whoever reads
a socket waits in ``room`` before it reads on. So the exchange's sockets fill up, and nothing is dropped. And the time that
counts for whoever judges streams: it stands still meanwhile, because a stream that nobody reads is not silent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from connectors.binance.actions import Write
from connectors.raw import Headers
from connectors.raw_topic import RawTopicWriter

LOG: Final = logging.getLogger("obi.feed")

_SERVE_S: Final = 0.005
"""Acknowledgements are taken in, and a full queue is tried again, that often."""

_SAY_EVERY_S: Final = 5.0


class Outflow:
    """What is on its way to Kafka.

    Args:
        writer: Writes into the raw topic.
        venue: The first half of every key.
        clock: Seconds that only go on.
    """

    def __init__(self, writer: RawTopicWriter, venue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._writer = writer
        self._venue = venue
        self._clock = clock
        self._keys: dict[str | None, bytes | None] = {None: None}
        self._backlog: deque[tuple[bytes | None, bytes, Headers]] = deque()
        self._room = asyncio.Event()
        self._progress = (0, clock())
        self._said_s = 0.0
        self._still_s = 0.0
        self._stopped_at_s = 0.0
        self.written = 0
        """Messages handed over, acknowledged or not."""
        self.pauses = 0
        """How many times the queue was full, and reading stopped."""

    @property
    def acknowledged(self) -> int:
        """Messages that Kafka has."""
        return self._writer.acknowledged

    @property
    def waiting(self) -> int:
        """Messages that Kafka has not acknowledged yet."""
        return self._writer.waiting + len(self._backlog)

    @property
    def latencies(self) -> list[int]:
        """See ``RawTopicWriter.latencies``."""
        return self._writer.latencies

    @property
    def latency_s(self) -> float:
        """See ``RawTopicWriter.latency_s``."""
        return self._writer.latency_s

    @property
    def full(self) -> bool:
        """Whether to wait in ``room`` before the next message."""
        return bool(self._backlog)

    @property
    def now_s(self) -> float:
        """Seconds that only go on, and stand still while there is no room."""
        return self._stopped_at_s if self._backlog else self._clock() - self._still_s

    def put(self, write: Write) -> None:
        """Take a message; the order of calls is the order in the topic.

        Raises:
            DeliveryError: Kafka did not take an earlier one.
        """
        symbol, value, headers = write
        try:
            key = self._keys[symbol]
        except KeyError:
            key = self._keys[symbol] = f"{self._venue}:{symbol}".encode()
        self.written += 1
        if self._backlog or self._writer.offer(key, value, headers) is None:
            if not self._backlog:
                self._stopped_at_s = self.now_s
                self.pauses += 1
                self._room.clear()
            self._backlog.append((key, value, headers))

    async def room(self) -> None:
        """Return once there is room again."""
        while self._backlog:
            await self._room.wait()

    async def serve(self) -> None:
        """Take in acknowledgements, for ever.

        Raises:
            DeliveryError: Kafka did not take a message.
        """
        while True:
            self._serve_once()
            self._say_if_stuck()
            await asyncio.sleep(_SERVE_S)

    async def finish(self, timeout_s: float) -> None:
        """Return once everything is acknowledged.

        Raises:
            DeliveryError: Something is not, within the time.
        """
        deadline = self._clock() + timeout_s
        while self.waiting and self._clock() < deadline:
            self._serve_once()
            await asyncio.sleep(_SERVE_S)
        self._writer.close(0.0, left_behind=len(self._backlog))

    def _serve_once(self) -> None:
        self._writer.serve()
        if not self._backlog:
            return
        while self._backlog and self._writer.offer(*self._backlog[0]) is not None:
            self._backlog.popleft()
        if not self._backlog:
            self._still_s = self._clock() - self._stopped_at_s
            self._room.set()

    def _say_if_stuck(self) -> None:
        now, acknowledged, waiting = self._clock(), self.acknowledged, self.waiting
        before, since = self._progress
        if acknowledged != before or not waiting:
            self._progress = (acknowledged, now)
        elif now - since >= _SAY_EVERY_S and now - self._said_s >= _SAY_EVERY_S:
            self._said_s = now
            LOG.warning(
                "waiting for Kafka",
                extra={
                    "seconds": round(now - since),
                    "messages": waiting,
                    "reading": "stopped" if self.full else "goes on",
                },
            )
