"""Reads raw, metrics and faults topics side by side while a run lasts, and judges what it reads.

Owns the thread that reads; everything it finds out is computed from the topics alone. The embedded broker keeps a few
megabytes a partition: reading must go on while the run does, and the feed must not run away from it (``backlog``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from typing_extensions import Self

from connectors.broker import Broker, is_transient
from consumers.audits import Audits, instrument_of
from consumers.board import Board
from consumers.ledger import Ledger
from consumers.witness import read_testimony

_CONSUMER: Final[dict[str, Any]] = {
    "group.id": "obi",  # a group must be named, none is joined
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 20,
}
_BATCH: Final = 1000
_POLL_S: Final = 0.05


class Auditor:
    """The reader and what it knows; use as a context manager.

    Args:
        broker: Where the topics are.
        raw: Name of the raw topic; it, and the others, must exist.
        metrics: Name of the metrics topic.
        faults: Name of the faults topic.
        window: The job's ``delta_volume_window``.
        board: Shown live; gets the records.

    Attributes:
        lock: Held while a batch is taken in; hold it to read ``audits``, ``ledger`` and ``board``.
        error: What ended the reading before its time.
        first, last: Monotonic time of the first raw message, and of the newest answer.
    """

    def __init__(self, broker: Broker, *, raw: str, metrics: str, faults: str, window: int, board: Board) -> None:
        self.audits = Audits(window)
        self.ledger = Ledger()
        self.board = board
        self.lock = threading.Lock()
        self.error: Exception | None = None
        self.first: float | None = None
        self.last = 0.0
        self._take: dict[str, Any] = {raw: self._raw, metrics: self._record, faults: self._fault}
        self._read: dict[tuple[str, int], int] = {}
        self._fresh: list[tuple[Mapping[str, Any], int]] = []
        self._stop = threading.Event()
        self._broker = broker
        self._parts = {topic: broker.partitions_of(topic) for topic in self._take}
        self._consumer = Consumer(broker.config(_CONSUMER))
        self._consumer.assign(
            [
                TopicPartition(topic, partition, 0)
                for topic, partitions in self._parts.items()
                for partition in partitions
            ]
        )
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def backlog(self, partition: int, sent: int) -> int:
        """Of ``sent`` raw messages of a partition, those that the job or this reader has not dealt with yet."""
        with self.lock:
            return sent - min(self.ledger.read_to(partition), self.ledger.answered_to(partition))

    def wait_for_answers(self, sent: Mapping[int, int], patience_s: float) -> bool:
        """Wait until all ``sent`` messages have their answers; False when nothing moves for ``patience_s``."""
        moved, before = time.monotonic(), -1
        while self.error is None:
            backlog = sum(self.backlog(partition, count) for partition, count in sent.items())
            if not backlog:
                return True
            if backlog != before:
                moved, before = time.monotonic(), backlog
            elif time.monotonic() - moved > patience_s:
                return False
            time.sleep(_POLL_S)
        return False

    def read_to_end(self, patience_s: float = 10.0) -> bool:
        """Wait until everything that is in the topics now has been read; False if that takes longer."""
        deadline = time.monotonic() + patience_s
        ends = {
            (topic, partition): end
            for topic, partitions in self._parts.items()
            for partition, (_, end) in self._broker.offsets(topic, partitions).items()
        }
        while any(self._read.get(part, 0) < end for part, end in ends.items()):
            if self.error is not None or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                messages = self._consumer.consume(_BATCH, _POLL_S)
                if messages:
                    with self.lock:
                        self._take_in(messages)
        except Exception as error:  # noqa: BLE001  (handed to the thread that waits)
            self.error = error

    def _take_in(self, messages: list[Message]) -> None:
        now = time.monotonic()
        for message in messages:
            error = message.error()
            if error is not None:
                if is_transient(error):
                    continue
                raise self._broker.failed("messages", KafkaException(error))
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            self._take[topic](partition, offset, message)
            self._read[topic, partition] = offset + 1
        if self._fresh:
            self.board.add(self._fresh, now)
            self._fresh = []

    def _raw(self, partition: int, offset: int, message: Message) -> None:
        if self.first is None:
            self.first = time.monotonic()
        headers: Any = message.headers()
        symbol, testimony = read_testimony(message.value(), headers)
        instrument = instrument_of(message.key(), symbol)
        self.ledger.raw(partition, offset, instrument, testimony)
        self.audits.testimony(instrument, offset, testimony)

    def _record(self, _partition: int, _offset: int, message: Message) -> None:
        record = orjson.loads(message.value() or b"")
        source = record["source"]
        self.ledger.record(source["partition"], source["offset"])
        self.audits.record(source["offset"], record)
        self._fresh.append((record, message.timestamp()[1]))
        self.last = time.monotonic()

    def _fault(self, _partition: int, _offset: int, message: Message) -> None:
        told: dict[str, bytes] = dict(message.headers() or ())  # type: ignore[arg-type]
        self.ledger.fault(int(told["obi.partition"]), int(told["obi.offset"]), told["obi.reason"].decode())
        self.last = time.monotonic()
