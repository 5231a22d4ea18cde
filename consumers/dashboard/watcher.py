"""The thread that reads the topics into the scene, for as long as the page is served.

Owns the start (how far back, which topics are there) and that nothing that happens to the broker ends it silently:
what is away is told in ``Scene.status`` and waited for, what is broken is told there for good.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from confluent_kafka import Message
from typing_extensions import Self

from connectors.broker import Broker, TopicMissingError
from connectors.polled import raw_batch
from consumers.dashboard.scene import Scene, Status
from consumers.record_tail import read_record
from consumers.rows import check_schema
from consumers.topic_tail import Stretches, TopicTail, messages_since

_POLL_S: Final = 0.1
_FIGURES_EVERY_S: Final = 0.5
_LOOK_EVERY_S: Final = 5.0
_LEAST: Final = 20_000
"""Messages of a partition to begin with, however old: a full book needs its snapshot, a quiet topic shows its end."""

_MOST: Final = 200_000


class Topics(NamedTuple):
    """Names of the topics that are read."""

    raw: str
    metrics: str
    faults: str


class Watcher:
    """Reads until it is left; use as a context manager.

    Args:
        broker: Where the topics are.
        topics: Their names. Without a raw topic there are no books, without a faults topic no faults; both is told.
        scene: What is read into.
        back_s: How far back to begin.

    Raises:
        TopicMissingError: There is no metrics topic.
        BrokerError: The broker does not answer.
    """

    def __init__(self, broker: Broker, topics: Topics, scene: Scene, *, back_s: int) -> None:
        self._topics, self._scene = topics, scene
        since_ms = time.time_ns() // 1_000_000 - back_s * 1000
        stretches: dict[Any, Any] = dict(_since(broker, topics.metrics, since_ms))
        notes = []
        for topic, what in ((topics.raw, "no books are shown"), (topics.faults, "no faults are shown")):
            try:
                stretches |= _since(broker, topic, since_ms)
            except TopicMissingError:  # noqa: PERF203  (two of them)
                notes.append(f"there is no topic {topic}: {what}")
        self._raw_partitions = [partition for topic, partition in stretches if topic == topics.raw]
        self._notes = tuple(notes)
        self._take: dict[str, Callable[[list[Message], float, float], None]] = {
            topics.raw: self._raw,
            topics.metrics: self._records,
            topics.faults: self._faults,
        }
        self._tail = TopicTail(broker, stretches)
        self._figures_due = 0.0
        self._look_due = time.monotonic() + _LOOK_EVERY_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._tail.close()

    def _run(self) -> None:
        error = None
        while not self._stop.is_set() and error is None:
            try:
                self._read()
            except Exception as broken:  # noqa: BLE001  (told on the page: a thread has nobody else to tell)
                error = str(broken) or type(broken).__name__
            tail = self._tail
            self._scene.status = Status(tail.share_read, tail.caught_up, tail.away, self._notes, error)

    def _read(self) -> None:
        messages = self._tail.poll(_POLL_S)
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(message.topic() or "", []).append(message)
        now, wall_ms = time.monotonic(), time.time() * 1000
        if now >= self._look_due:
            self._look_due = now + _LOOK_EVERY_S
            self._tail.look()
        with self._scene.lock:
            for topic, found in by_topic.items():
                self._take[topic](found, now, wall_ms)
            if now >= self._figures_due:
                self._figures_due = now + _FIGURES_EVERY_S
                self._scene.figures = self._scene.health.figures(now, self._raw_offsets())

    def _raw(self, messages: list[Message], now: float, _wall_ms: float) -> None:
        self._scene.take_raw(raw_batch(self._topics.raw, messages), now)

    def _records(self, messages: list[Message], now: float, wall_ms: float) -> None:
        arrived = [record for record in map(read_record, messages) if record is not None]
        for item in arrived:
            check_schema(item.record)
        self._scene.take_records(arrived, now, wall_ms)

    def _faults(self, messages: list[Message], _now: float, _wall_ms: float) -> None:
        for message in messages:
            headers: dict[str, bytes] = dict(message.headers() or ())  # type: ignore[arg-type]
            key = message.key()
            self._scene.happenings.fault(
                "" if key is None else key.decode("utf-8", "replace"),
                headers.get("obi.reason", b"?").decode("utf-8", "replace"),
                headers.get("obi.detail", b"").decode("utf-8", "replace"),
                message.timestamp()[1],
            )

    def _raw_offsets(self) -> dict[int, tuple[int, int]] | None:
        found = {partition: self._tail.offsets(self._topics.raw, partition) for partition in self._raw_partitions}
        known = {partition: offsets for partition, offsets in found.items() if offsets is not None}
        return known or None


def _since(broker: Broker, topic: str, since_ms: int) -> Stretches:
    return messages_since(broker, topic, since_ms, least=_LEAST, most=_MOST)
