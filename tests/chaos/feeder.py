"""The feed beside a disturbed job: paced, and never far ahead, so that disturbances hit a job at work and not one that is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from typing_extensions import Self

from tests.chaos.workloads import Message

_LOOK_EVERY: Final = 100
_STEP_S: Final = 0.005
_FLUSH_S: Final = 120.0


class Feeder:
    """Writes raw messages in a thread of its own.

    Args:
        servers: the broker; it may go away and come back.
        topic: the raw topic.
        messages: what is fed.
        limit: how many may be fed by now.
        rate: messages a second, at most.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        messages: Iterable[Message],
        *,
        limit: Callable[[], float] = lambda: float("inf"),
        rate: float = float("inf"),
    ) -> None:
        self.sent = 0
        self._topic = topic
        self._messages = messages
        self._limit = limit
        self._rate = rate
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._flush_s = _FLUSH_S
        settings = {"enable.idempotence": True, "message.timeout.ms": 0, "linger.ms": 5, "compression.type": "lz4"}
        self._producer = Producer(
            {"bootstrap.servers": servers, "reconnect.backoff.max.ms": 500, "log_level": 0, **settings}
        )
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    @property
    def done(self) -> bool:
        """Whether everything is in the topic.

        Raises:
            RuntimeError: a message was refused.
        """
        self._check()
        return not self._thread.is_alive()

    def feed(self) -> None:
        """Feed everything now, in this thread."""
        self._feed()

    def end(self) -> None:
        """Feed no more; what was fed is in the topic."""
        self._stop.set()
        self._thread.join()
        self._check()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._flush_s = 0.0
        self._stop.set()
        self._thread.join()

    def _check(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the feed failed") from self._failure

    def _run(self) -> None:
        try:
            self._feed()
        except BaseException as error:  # noqa: BLE001  (told to whoever asks)
            self._failure = error

    def _feed(self) -> None:
        start = time.monotonic()
        for message in self._messages:
            if self.sent % _LOOK_EVERY == 0:
                self._wait(start)
            if self._stop.is_set():
                break
            self._produce(message)
            self.sent += 1
        if left := self._producer.flush(self._flush_s):
            raise TimeoutError(f"{left} raw messages are not acknowledged")

    def _wait(self, start: float) -> None:
        while not self._stop.is_set() and (
            self.sent >= self._limit() or self.sent > (time.monotonic() - start) * self._rate
        ):
            self._producer.poll(_STEP_S)
        self._producer.poll(0)

    def _produce(self, message: Message) -> None:
        while not self._is_taken(message):
            self._producer.poll(_STEP_S)

    def _is_taken(self, message: Message) -> bool:
        headers: Any = message.headers or None
        try:
            self._producer.produce(
                self._topic, message.value, message.key, message.partition, self._delivered, headers=headers
            )
        except BufferError:
            return False
        return True

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failure = self._failure or RuntimeError(error.str())
