"""A thread that follows the metrics topic for as long as it is wanted, whatever the broker does meanwhile.

Owns the reconnecting. An outage is waited for by librdkafka itself; a topic that is gone, or a refusal, by opening the tail
anew every second. What came twice by that is for the receiver to see.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread, current_thread
from typing import Final

from confluent_kafka import KafkaException

from connectors.broker import Broker, BrokerError
from consumers.look_back import LookBack
from consumers.record_tail import Arrived, RecordTail

LOG: Final = logging.getLogger("obi.reader")

_POLL_S: Final = 0.1
_AGAIN_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
_JOIN_S: Final = 5.0


class Follower:
    """Reads on in the background.

    Args:
        broker: Where.
        topic: The metrics topic.
        look_back: How far back to begin.
        take: Given the records as they come, from the thread.
        ended: Told once, from the thread, that no more will come, and the error that ended it, if one did.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        look_back: LookBack,
        take: Callable[[list[Arrived]], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._look_back = look_back
        self._take = take
        self._ended = ended
        self._stop = Event()
        self._caught_up = Event()
        self._tail: RecordTail | None = None
        self._why: str | None = None
        self._bug: str | None = None
        self._strange = 0
        self._thread = Thread(target=self._run, name="obi-reader", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why nothing comes at the moment, or not everything yet; None while all is well."""
        if self._stop.is_set():
            return "the reader is closed"
        tail = self._tail
        if tail is not None and tail.away is not None:
            return f"no broker answers at {self._broker.bootstrap_servers} ({tail.away}), trying on"
        if self._why is not None:
            return f"{self._why}; trying on"
        return None if self._caught_up.is_set() else f"the end of {self._topic} is still being read"

    @property
    def strange(self) -> int:
        """Messages that are no records at all."""
        tail = self._tail
        return self._strange + (tail.strange if tail is not None else 0)

    def check(self) -> None:
        """Raise what ended the reading for good: a mistake in this program, nothing from outside."""
        if self._bug is not None:
            raise RuntimeError(f"the reading of {self._topic} broke down: {self._bug}")

    def start(self, timeout_s: float) -> None:
        """Connect, and come back when the end of the topic has been read, or the time is over while it is being read.

        Raises:
            TopicMissingError: There is no such topic.
            BrokerError: No broker answered in this time.
        """
        deadline = time.monotonic() + timeout_s
        self._broker.wait(timeout_s, lambda waited, why: LOG.warning("waiting for the broker, %.0f s: %s", waited, why))
        self._tail = self._open()
        self._thread.start()
        self._caught_up.wait(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not current_thread():
            self._thread.join(_JOIN_S)

    def _open(self) -> RecordTail:
        return RecordTail(self._broker, self._look_back.stretches(self._broker, self._topic))

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._stop.is_set():
                self._follow()
        except Exception as bug:
            LOG.exception("the reading of %s broke down", self._topic)
            self._bug, error = repr(bug), bug
        finally:
            self._leave()
            self._ended(error)

    def _follow(self) -> None:
        """Read until it is time to stop, or to open the tail anew."""
        try:
            if self._tail is None:
                self._tail = self._open()
                LOG.info("reading %s again", self._topic)
            self._why = None
            self._read(self._tail)
        except (BrokerError, KafkaException) as error:
            if self._why is None:
                LOG.warning("reading %s is held up, trying on: %s", self._topic, error)
            self._why = str(error)
            self._leave()
            self._stop.wait(_AGAIN_S)

    def _read(self, tail: RecordTail) -> None:
        look_due = time.monotonic() + _LOOK_EVERY_S
        away = False
        while not self._stop.is_set():
            if arrived := tail.poll(_POLL_S, at_once=True):
                self._take(arrived)
            if tail.caught_up:
                self._caught_up.set()
            if away != (tail.away is not None):
                away = not away
                self._tell(away=away)
            if time.monotonic() >= look_due:
                look_due = time.monotonic() + _LOOK_EVERY_S
                tail.look()

    def _tell(self, *, away: bool) -> None:
        servers = self._broker.bootstrap_servers
        if away:
            LOG.warning("no broker answers at %s, trying on", servers)
        else:
            LOG.warning("the broker at %s answers again", servers)

    def _leave(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            self._strange += tail.strange
            with suppress(KafkaException):
                tail.close()
