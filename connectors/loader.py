"""The messages of a transaction on their way into a producer.

Owns what librdkafka reports of them: where the last one lies, and which were too large, so that they can be made smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, repeat
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.outgoing import OutBatch, Outgoing, Shrink
from connectors.terms import SLICE_S, refused


class Loader:
    """Puts batches into a producer. ``end`` is the offset behind the last message that was acknowledged.

    Args:
        topic: to write to.
        partition: to write to.
        shrink: for messages that the broker finds too large.
        go_on: asked while the producer's queue is full; raises when waiting makes no sense any more.
    """

    def __init__(self, topic: str, partition: int, shrink: Shrink | None, go_on: Callable[[], None]) -> None:
        self.end = 0
        self._topic = topic
        self._partition = partition
        self._shrink = shrink
        self._go_on = go_on
        self._too_large: list[tuple[OutBatch, int]] = []

    def load(self, producer: Producer, batch: OutBatch) -> None:
        """Hand the messages over, in their order.

        Raises:
            KafkaException: the producer does not take one.
        """
        produce, topic, partition = producer.produce, self._topic, self._partition
        reports: Iterable[Callable[[KafkaError | None, Message], None] | None]
        if self._shrink is None:  # only the last one tells something: a report costs half as much as the message
            reports = chain(repeat(None, len(batch) - 1), (self._reported,))
        else:
            reports = (partial(self._reported_or_too_large, batch, index) for index in range(len(batch)))
        headers: Iterable[Any] = repeat(None, len(batch)) if batch.headers is None else batch.headers
        rows = zip(batch.values, batch.keys, reports, batch.timestamps_ms, headers, strict=True)
        for index, (value, key, report, timestamp_ms, own) in enumerate(rows):
            while True:
                try:
                    produce(topic, value, key, partition, report, None, timestamp_ms, own)
                except BufferError:
                    producer.poll(SLICE_S / 10)
                    self._go_on()
                    continue
                except KafkaException as error:
                    if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                        self._too_large.append((batch, index))
                    raise
                break

    def makes_smaller(self) -> bool:
        """Whether something was too large and can be made smaller; then it was, in its batch.

        Raises:
            DeliveryError: it can't.
        """
        too_large, self._too_large = self._too_large, []
        if self._shrink is None:
            return False
        for batch, index in too_large:
            headers = None if batch.headers is None else batch.headers[index]
            smaller = self._shrink(Outgoing(batch.keys[index], batch.values[index], headers))
            if smaller is None:
                raise refused(self._topic, self._partition, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
            batch.keys[index], batch.values[index] = smaller.key, smaller.value
            if smaller.headers is not None:
                batch.headers = batch.headers or [[] for _ in batch.values]
                batch.headers[index] = smaller.headers
        return bool(too_large)

    def _reported(self, error: KafkaError | None, message: Message) -> None:
        # Without an offset it was written by an attempt whose answer got lost: the end stays where it was, a little early.
        if error is None:
            self.end = max(self.end, (message.offset() or 0) + 1)

    def _reported_or_too_large(self, batch: OutBatch, index: int, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._too_large.append((batch, index))
        self._reported(error, message)
