"""The end of topics, followed: messages from a little before the end on, each as it comes.

Owns that no consumer group is joined (whoever looks must not disturb whoever works), that a broker that is away is told
and waited for, and where to begin: as far back as was asked for, and a little further where nothing came of late.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.broker import Broker, TopicMissingError, is_transient
from connectors.stretch import StretchReader

Part: TypeAlias = tuple[str, int]
"""A topic and the number of a partition."""

Stretches: TypeAlias = Mapping[Part, tuple[int, int]]
"""Of each partition: the offset to begin with, and the end as it was then."""

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
_GOING: Final = 10
_GATHER_S: Final = 0.002


def messages_since(broker: Broker, topic: str, time_ms: int, *, least: int, most: int) -> Stretches:
    """The messages of each partition since ``time_ms`` (Kafka's timestamps), at least and at most so many.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: The broker does not answer.
    """
    found = {}
    for part, reader, first, end in partitions(broker, topic):
        at = reader.offset_at(time_ms)
        begin = min(end if at is None else at, end - least)
        found[part] = max(first, begin, end - most), end
    return found


def partitions(broker: Broker, topic: str) -> Iterator[tuple[Part, StretchReader, int, int]]:
    """Of each partition a reader, open until the next is asked for, the first offset to begin with, and the end.

    Where a topic is full, its oldest messages go: the first offset is one that will still be there when it is asked for.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: The broker does not answer.
    """
    for partition in broker.partitions_of(topic):
        with closing(StretchReader(broker, topic, partition)) as reader:
            first, end = reader.offsets()
            yield (topic, partition), reader, first if first == 0 else first + (end - first) // _GOING, end


class TopicTail:
    """Follows topics.

    Args:
        broker: Where they are.
        stretches: The partitions, and where to begin.

    Attributes:
        away: Why no broker answers at the moment; None while one does. It is gone on with by itself.
    """

    def __init__(self, broker: Broker, stretches: Stretches) -> None:
        self.away: str | None = None
        self._doubt: str | None = None
        self._ask_due = 0.0
        self._broker = broker
        self._ends = {part: end for part, (begin, end) in stretches.items() if end > begin}
        self._at = {part: begin for part, (begin, end) in stretches.items() if end > begin}
        self._total = sum(end - begin for begin, end in stretches.values())
        self._parts = set(stretches)
        self._topics = sorted({topic for topic, _ in stretches})
        self._consumer = Consumer(broker.config({**_CONSUMER, "error_cb": self._heard}))
        self._consumer.assign([TopicPartition(*part, begin) for part, (begin, _) in stretches.items()])

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return not self._ends

    @property
    def share_read(self) -> float:
        """How much of what was there at the start has been read, 0 .. 1."""
        left = sum(end - self._at[part] for part, end in self._ends.items())
        return 1.0 - left / self._total if self._total else 1.0

    def poll(self, timeout_s: float, *, at_once: bool = False) -> list[Message]:
        """The messages that have come within a time, in the order of each partition.

        Args:
            timeout_s: How long to wait.
            at_once: Come back with the first ones, and those of the 2 ms after them.

        Raises:
            BrokerError: The broker refused.
        """
        arrived = []
        messages = self._consumer.consume(1 if at_once else _MOST, timeout_s)
        if at_once and messages:
            messages += self._consumer.consume(_MOST, _GATHER_S)
        for message in messages:
            error = message.error()
            part = message.topic() or "", message.partition() or 0
            if error is not None:
                if error.code() == _END:
                    self._ends.pop(part, None)
                if error.code() == _END or is_transient(error):
                    continue
                raise self._broker.failed(f"messages of {part[0]}", KafkaException(error))
            if part in self._ends:
                self._at[part] = (message.offset() or 0) + 1
                if self._at[part] >= self._ends[part]:
                    del self._ends[part]
            arrived.append(message)
        if self._doubt is not None and time.monotonic() >= self._ask_due:
            self._ask()
        return arrived

    def look(self) -> None:
        """See whether the topics are still there, and follow the partitions that they have got; no answer changes nothing.

        Raises:
            TopicMissingError: One was deleted, which looks like a quiet topic to a consumer.
        """
        for name in self._topics:
            try:
                topic = self._consumer.list_topics(name, timeout=_ASK_S).topics[name]
            except KafkaException:
                continue
            if topic.error is not None:
                if topic.error.code() in _GONE:
                    where = self._broker.bootstrap_servers
                    raise TopicMissingError(f"expected topic {name} at {where} to stay, received: {topic.error.str()}")
                continue
            if new := {(name, partition) for partition in topic.partitions} - self._parts:
                self._consumer.incremental_assign([TopicPartition(*part, OFFSET_BEGINNING) for part in sorted(new)])
                self._parts |= new

    def offsets(self, topic: str, partition: int) -> tuple[int, int] | None:
        """First offset and end of a partition as the broker told them last, without asking; None before it has."""
        try:
            first, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
        except KafkaException:
            return None
        return (max(first, 0), end) if end >= 0 else None

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
            self._consumer.list_topics(self._topics[0], timeout=_ASK_S)
        except KafkaException:
            self.away = self._doubt
        else:
            self.away = self._doubt = None
