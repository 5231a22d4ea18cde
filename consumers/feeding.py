"""A feed that never runs away from its readers: paced by the recorded times, and by how far the others are.

Owns the thread that writes the raw topic while a demo runs, and the rule of how much may be under way.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from connectors.feed_recording import Pace
from connectors.raw_topic import Message

_MAX_MESSAGES: Final = 2_000
_MAX_BYTES: Final = 2_500_000
"""Under way in one partition: half of what the embedded broker keeps."""

_LOOK_EVERY: Final = 50
_WAIT_S: Final = 0.01
_PATIENCE_S: Final = 5.0
_NS: Final = 1_000_000_000


class Writer(Protocol):
    """What writes the raw topic."""

    def write(self, message: Message) -> int:
        """Hand over a message; its partition."""

    def close(self) -> None:
        """Wait for all acknowledgements."""


class Feeding:
    """Messages on their way into the raw topic, in a thread of their own.

    Args:
        messages: In the order of their receive times.
        writer: Writes them.
        speed: Recorded seconds per second, at most; None: as fast as the readers can.
        backlog: (partition, messages sent) to messages that a reader has not dealt with.
        lasts_s: Ends the feed after so many recorded seconds.

    Attributes:
        sent: Messages by partition.
        recorded_s: Recorded seconds that were fed.
        done: All was sent and acknowledged, or ``error`` tells why not.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        writer: Writer,
        *,
        speed: float | None,
        backlog: Callable[[int, int], int],
        lasts_s: float | None = None,
    ) -> None:
        self.sent: dict[int, int] = {}
        self.recorded_s = 0.0
        self.error: Exception | None = None
        self.done = threading.Event()
        self._messages = messages
        self._writer = writer
        self._backlog = backlog
        self._lasts_s = lasts_s
        self._sizes: dict[int, deque[int]] = {}
        self._bytes: dict[int, int] = {}
        self._stop = threading.Event()
        self._pace = Pace(speed, self._stop.is_set)
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End early: what was handed over is still acknowledged."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    @property
    def total(self) -> int:
        """Messages sent."""
        return sum(self.sent.values())

    def _run(self) -> None:
        try:
            self._feed()
            self._writer.close()
        except Exception as error:  # noqa: BLE001  (handed to the thread that waits)
            self.error = error
        finally:
            self.done.set()

    def _feed(self) -> None:
        first: int | None = None
        for message in self._messages:
            first = message.recv_ns if first is None else first
            seconds = (message.recv_ns - first) / _NS
            if self._lasts_s is not None and seconds > self._lasts_s:
                return
            if not self._pace.wait(message.recv_ns):
                return
            partition = self._writer.write(message)
            self.recorded_s = seconds
            self._note(partition, len(message.value))
            if self.sent[partition] % _LOOK_EVERY == 0 or self._bytes[partition] > _MAX_BYTES:
                self._give_way(partition)

    def _note(self, partition: int, size: int) -> None:
        self.sent[partition] = self.sent.get(partition, 0) + 1
        self._sizes.setdefault(partition, deque()).append(size)
        self._bytes[partition] = self._bytes.get(partition, 0) + size

    def _give_way(self, partition: int) -> None:
        """Wait while too much of a partition is under way; not for ever, should an answer never come."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._stop.is_set():
            under_way = self._backlog(partition, self.sent[partition])
            sizes = self._sizes[partition]
            while len(sizes) > under_way:
                self._bytes[partition] -= sizes.popleft()
            if under_way <= _MAX_MESSAGES and self._bytes[partition] <= _MAX_BYTES:
                return
            if time.monotonic() > deadline:
                return
            time.sleep(_WAIT_S)
