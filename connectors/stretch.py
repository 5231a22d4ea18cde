"""A stretch of one partition: its messages from one offset to before another, read in order.

Owns that a stretch is whole: it ends at its end and nowhere before, silence is an error, and so is what is gone. For
reading on for ever there is ``connectors.kafka_source``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.broker import REQUEST_S, Broker, BrokerError, OffsetsLostError, is_transient

_CONSUMER: Final[dict[str, str | bool]] = {
    "enable.auto.commit": False,
    # Any other value would skip what is gone without a word.
    "auto.offset.reset": "error",
    # Aborted transactions and control records leave no message at the last offsets: the event tells that all was read.
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}
_DEFAULTS: Final[dict[str, str | int]] = {
    "group.id": "obi",  # librdkafka insists on a name; nothing is stored under it
    # A new stretch waits for the old one's fetch: with the defaults a search by halves takes 0.5 s, with these 0.1 s.
    "fetch.wait.max.ms": 2,
    "fetch.queue.backoff.ms": 1,
    # What is read ahead of the end is thrown away, so little of it.
    "queued.max.messages.kbytes": 8192,
    "queued.min.messages": 5000,
}
_SLICE_S: Final = 0.1
_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 (librdkafka's own codes)
_LOST: Final = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001


class StretchReader:
    """Reads stretches of one partition, one after the other, with one consumer.

    Raises:
        OffsetsLostError: from ``read``, when a message was deleted before it was read.
        BrokerError: from all methods, when the broker does not answer.
    """

    def __init__(self, broker: Broker, topic: str, partition: int) -> None:
        self._broker = broker
        self._topic = topic
        self._partition = partition
        self._what = f"partition {partition} of topic {topic}"
        try:
            self._consumer = Consumer(broker.config(_CONSUMER, _DEFAULTS))
        except KafkaException as error:
            raise broker.failed(self._what, error) from error

    def offsets(self) -> tuple[int, int]:
        """First offset and end, as they are now; the end is that of committed messages."""
        part = TopicPartition(self._topic, self._partition)
        try:
            return self._consumer.get_watermark_offsets(part, timeout=REQUEST_S)
        except KafkaException as error:
            raise self._broker.failed(f"the offsets of {self._what}", error) from error

    def offset_at(self, time_ms: int) -> int | None:
        """Offset of the first message with this Kafka timestamp or a later one; None when there is none."""
        part = TopicPartition(self._topic, self._partition, time_ms)
        try:
            [found] = self._consumer.offsets_for_times([part], timeout=REQUEST_S)
        except KafkaException as error:
            raise self._broker.failed(f"the offset of a time in {self._what}", error) from error
        return found.offset if found.offset >= 0 else None

    def read(self, begin: int, end: int, most: int = 2000) -> Iterator[list[Message]]:
        """The messages at offsets from ``begin`` to before ``end``, at most so many at once; no list is empty."""
        if begin >= end:
            return
        at = begin
        try:
            self._consumer.assign([TopicPartition(self._topic, self._partition, begin)])
            while at < end:
                messages, at = self._next(at, end, most)
                if messages:
                    yield messages
            self._consumer.unassign()
        except KafkaException as error:
            raise self._broker.failed(self._what, error) from error

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _next(self, at: int, end: int, most: int) -> tuple[list[Message], int]:
        """Some messages of the stretch, and the offset that reading has come to."""
        deadline = time.monotonic() + REQUEST_S
        why = "no answer"
        while time.monotonic() < deadline:
            found = self._consumer.consume(min(most, end - at), _SLICE_S)
            messages = [message for message in found if message.error() is None]
            ended = False
            for event in found if len(messages) < len(found) else ():
                error = event.error()
                ended = ended or (error is not None and self._is_end(error, at))
                why = why if error is None else error.str()
            if messages:
                reached = cast("int", messages[-1].offset()) + 1
                return _before(messages, end), end if ended else reached
            if ended:
                return [], end
        raise BrokerError(f"expected messages of {self._what} from offset {at} on, received: {why}")

    def _is_end(self, error: KafkaError, at: int) -> bool:
        code = error.code()
        if code in _LOST:
            first, end = self.offsets()
            raise OffsetsLostError(
                f"expected offset {at} of {self._what}, received: the first is {first} and the end {end}; "
                "the topic's retention passed by while this was read"
            )
        if code != _END and not is_transient(error):
            raise BrokerError(f"expected messages of {self._what}, received: {error.str()}")
        return code == _END


def _before(messages: list[Message], end: int) -> list[Message]:
    return [message for message in messages if cast("int", message.offset()) < end]


def flat(lists: Iterable[list[Message]]) -> Iterator[Message]:
    """One message after the other."""
    return (message for messages in lists for message in messages)
