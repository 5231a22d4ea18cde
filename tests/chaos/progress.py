"""How far a running job has come, seen from outside: a reader that follows its records."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition
from typing_extensions import Self

from tests.deployment import Deployment

_SEQ: Final = re.compile(rb'"seq":(\d+),')
_OFFSET: Final = re.compile(rb'"offset":(\d+)\}')
_POLL_S: Final = 0.02


class Progress:
    """Follows the metrics topic in a thread of its own, through whatever becomes of the broker.

    Attributes:
        repeated_at: when a record came for the second time (on `time.monotonic`'s clock); None as long as none did.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.repeated_at: float | None = None
        self._answered = [0] * deployment.partitions
        self._records = [0] * deployment.partitions
        self._highest: dict[bytes, int] = {}
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": deployment.servers,
                "group.id": "progress",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "reconnect.backoff.max.ms": 500,
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(deployment.metrics, p, 0) for p in range(deployment.partitions)])
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def answered(self) -> int:
        """Raw messages behind which the job is; those at the end of a partition that have no record do not show."""
        return sum(self._answered)

    def records(self) -> list[int]:
        """Records that have come, by partition."""
        return list(self._records)

    def wait(self, done: Callable[[], bool], seconds: float, step: float = 0.005) -> None:
        """Return once `done`.

        Raises:
            TimeoutError: nothing new came for so many seconds.
        """
        before, deadline = self.answered(), time.monotonic() + seconds
        while not done():
            if self.answered() > before:
                before, deadline = self.answered(), time.monotonic() + seconds
            if time.monotonic() > deadline:
                raise TimeoutError(f"no new record for {seconds:.0f} s after {before} raw messages")
            time.sleep(step)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(1000, _POLL_S):
                if message.error() is None:  # else the broker is away, and librdkafka tries on
                    self._meet(message)

    def _meet(self, message: Message) -> None:
        partition, key, value = message.partition() or 0, message.key() or b"", message.value() or b""
        seq, offset = _SEQ.search(value), _OFFSET.search(value)
        if seq is None or offset is None:
            return
        if int(seq[1]) <= self._highest.get(key, 0):
            self.repeated_at = self.repeated_at or time.monotonic()
        self._highest[key] = max(int(seq[1]), self._highest.get(key, 0))
        self._answered[partition] = max(int(offset[1]) + 1, self._answered[partition])
        self._records[partition] += 1
