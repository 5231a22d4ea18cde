"""The end of the metrics topic, followed: the newest records first, then each as it comes.

Owns where to start (a little before the end of each partition), and that no consumer group is joined: whoever looks
must not disturb whoever works.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from connectors.broker import Broker, TopicMissingError, is_transient

_CONSUMER: Final[dict[str, Any]] = {
    "group.id": "obi",  # a group must be named, none is joined
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 50,
    # Transactions end with a marker that is no message: that all was read is told apart.
    "enable.partition.eof": True,
}
_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 (librdkafka's own code)
_GONE: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001 (the same)

_ASK_EVERY_S: Final = 1.0
_ASK_S: Final = 0.2
_MOST: Final = 2000
_GATHER_S: Final = 0.002


class Arrived(NamedTuple):
    """One record, where it lies, and the Kafka timestamp (ms) of the raw message that caused it."""

    record: Mapping[str, Any]
    timestamp_ms: int
    partition: int
    offset: int


class RecordTail:
    """Follows the metrics topic from near its end.

    Args:
        broker: Where it is.
        topic: The metrics topic.
        tail: Records of each partition to begin with.

    Attributes:
        away: Why no broker answers at the moment; None while one does. It is gone on with by itself.
        strange: Messages that are no record of ours; they are passed over.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: The broker does not answer.
    """

    def __init__(self, broker: Broker, topic: str, *, tail: int = 200) -> None:
        self.away: str | None = None
        self.strange = 0
        self._doubt: str | None = None
        self._ask_due = 0.0
        self._broker, self._topic = broker, topic
        offsets = broker.offsets(topic, broker.partitions_of(topic))
        self._ends = {partition: end for partition, (first, end) in offsets.items() if end > first}
        self._partitions = set(offsets)
        self._consumer = Consumer(broker.config({**_CONSUMER, "error_cb": self._heard}))
        self._consumer.assign(
            [TopicPartition(topic, partition, max(first, end - tail)) for partition, (first, end) in offsets.items()]
        )

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return not self._ends

    def poll(self, timeout_s: float, *, at_once: bool = False) -> list[Arrived]:
        """The records that have come within a time, in the order of each partition.

        Args:
            timeout_s: How long to wait.
            at_once: Come back with the first ones, and those of the 2 ms after them.
        """
        arrived = []
        messages = self._consumer.consume(1 if at_once else _MOST, timeout_s)
        if at_once and messages:
            messages += self._consumer.consume(_MOST, _GATHER_S)
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() == _END:
                    self._ends.pop(message.partition() or 0, None)
                if error.code() == _END or is_transient(error):
                    continue
                raise self._broker.failed("records", KafkaException(error))
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition in self._ends and offset + 1 >= self._ends[partition]:
                del self._ends[partition]
            try:
                record = orjson.loads(message.value() or b"null")
            except orjson.JSONDecodeError:
                record = None
            if isinstance(record, dict) and "seq" in record:
                arrived.append(Arrived(record, message.timestamp()[1], partition, offset))
            else:
                self.strange += 1
        if self._doubt is not None and time.monotonic() >= self._ask_due:
            self._ask()
        return arrived

    def look(self) -> None:
        """See whether the topic is still there, and follow the partitions that it has got; no answer changes nothing.

        Raises:
            TopicMissingError: It was deleted, which looks like a quiet topic to a consumer.
        """
        try:
            topic = self._consumer.list_topics(self._topic, timeout=_ASK_S).topics[self._topic]
        except KafkaException:
            return
        if topic.error is not None:
            if topic.error.code() in _GONE:
                raise TopicMissingError(
                    f"expected topic {self._topic} at {self._broker.bootstrap_servers} to stay, received: {topic.error.str()}"
                )
            return
        if new := set(topic.partitions) - self._partitions:
            self._consumer.incremental_assign([TopicPartition(self._topic, part, OFFSET_BEGINNING) for part in new])
            self._partitions |= new

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka says of all brokers; one that closed an idle connection is not away yet."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 (librdkafka's own code)
            self._doubt = error.str()

    def _ask(self) -> None:
        self._ask_due = time.monotonic() + _ASK_EVERY_S
        try:
            self._consumer.list_topics(self._topic, timeout=_ASK_S)
        except KafkaException:
            self.away = self._doubt
        else:
            self.away = self._doubt = None
