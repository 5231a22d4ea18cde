"""What a crash left in an output partition behind the last recovery point, so that a restart does not write it again.

Owns the identity of a written message: the raw offset that it answers to. An output partition holds the answers to the
raw partition of the same number, and each raw message has at most one, so the offset alone is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.broker import REQUEST_S, Broker, BrokerError
from connectors.outgoing import OutBatch
from connectors.raw import Headers

Identify: TypeAlias = Callable[[bytes | None, Headers | None], int]
"""The raw offset that a message with this value and these headers answers to; ValueError when it tells none."""

_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  (librdkafka's own code)
_CONSUMER: Final = {"enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest"}


def record_answers_to(value: bytes | None, _headers: Headers | None) -> int:
    """A metric record's: ``source.offset``, the last number in it.

    >>> record_answers_to(b'{"seq":1,"source":{"topic":"t","partition":0,"offset":17}}', None)
    17
    """
    text = value or b""
    return int(text[text.rindex(b":") + 1 : -2])


def fault_answers_to(_value: bytes | None, headers: Headers | None) -> int:
    """A fault's: the last ``obi.offset`` header (a fault that was fed again has an older one too)."""
    return int(dict(headers or [])["obi.offset"])


def answered_after(
    broker: Broker, topic: str, partition: int, begin: int, *, there: tuple[int, int], identify: Identify
) -> set[int]:
    """Raw offsets that messages at ``begin`` and behind answer to; foreign messages there are passed over.

    ``there`` is the partition's first offset and its end.

    Raises:
        BrokerError: the broker did not answer.
    """
    first, end = there
    begin = max(begin, first)
    if begin >= end:  # nearly always: only a crash leaves something there, and reading holds the job up
        return set()
    consumer = Consumer(broker.config(_CONSUMER, {"group.id": "obi"}))
    answered: set[int] = set()
    try:
        consumer.assign([TopicPartition(topic, partition, begin)])
        while True:
            message = consumer.poll(REQUEST_S)
            error = None if message is None else message.error()
            if error is not None and error.code() == _END:
                return answered
            if message is None or error is not None:
                why = "no answer" if error is None else error.str()
                raise BrokerError(f"expected to read the end of partition {partition} of {topic}, received: {why}")
            try:
                answered.add(identify(message.value(), message.headers()))  # type: ignore[arg-type]  # None only in stubs
            except (ValueError, KeyError, IndexError):
                continue
    except KafkaException as error:
        raise broker.failed(f"the end of partition {partition} of {topic}", error) from error
    finally:
        consumer.close()


def without(batch: OutBatch, answered: set[int], identify: Identify) -> OutBatch:
    """The messages of a batch that answer to something else; what is found is taken out of ``answered``.

    A batch that lies wholly behind what was answered ends the repetition: ``answered`` is emptied.
    """
    headers: Sequence[Headers | None] = batch.headers or [None] * len(batch)
    offsets = [identify(value, own) for value, own in zip(batch.values, headers, strict=True)]
    if offsets and min(offsets) > max(answered):
        answered.clear()
        return batch
    keep = [index for index, offset in enumerate(offsets) if offset not in answered]
    answered.difference_update(offsets)
    return OutBatch(
        batch.partition,
        [batch.keys[index] for index in keep],
        [batch.values[index] for index in keep],
        [batch.timestamps_ms[index] for index in keep],
        None if batch.headers is None else [batch.headers[index] for index in keep],
    )
