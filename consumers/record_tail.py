"""The end of the metrics topic, followed: the newest records first, then each as it comes.

Owns what a record of ours is among the messages of the topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from confluent_kafka import Message

from connectors.broker import Broker
from consumers.rows import IDENTITY, is_newer
from consumers.topic_tail import Stretches, TopicTail


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
        stretches: Its partitions, and where to begin in them.

    Attributes:
        strange: Messages that are no record of ours; they are passed over.
    """

    def __init__(self, broker: Broker, stretches: Stretches) -> None:
        self.strange = 0
        self._tail = TopicTail(broker, stretches)

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._tail.caught_up

    @property
    def away(self) -> str | None:
        """Why no broker answers at the moment; None while one does. It is gone on with by itself."""
        return self._tail.away

    def poll(self, timeout_s: float, *, at_once: bool = False) -> list[Arrived]:
        """The records that have come within a time, in the order of each partition.

        Args:
            timeout_s: How long to wait.
            at_once: Come back with the first ones, and those of the 2 ms after them.
        """
        messages = self._tail.poll(timeout_s, at_once=at_once)
        arrived = [record for record in map(read_record, messages) if record is not None]
        self.strange += len(messages) - len(arrived)
        return arrived

    def look(self) -> None:
        """See whether the topic is still there, and follow the partitions that it has got; no answer changes nothing.

        Raises:
            TopicMissingError: It was deleted, which looks like a quiet topic to a consumer.
        """
        self._tail.look()

    def close(self) -> None:
        """Leave."""
        self._tail.close()


def read_record(message: Message) -> Arrived | None:
    """A message of the metrics topic as a record, of a newer schema too; None when it is none of ours."""
    try:
        record = orjson.loads(message.value() or b"null")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    if any(type(record.get(name)) is not kind for name, kind in IDENTITY.items()) and not is_newer(record):
        return None
    return Arrived(record, message.timestamp()[1], message.partition() or 0, message.offset() or 0)
