"""The one writer of the raw topic, for recordings and for live feeds.

Owns the rule by which raw messages are spread: one partition an instrument, CRC-32 of the key modulo the number of
partitions (librdkafka's own choice for keyed messages, written down here so that no client setting can change it). And
that nothing is dropped: a full queue is told to who writes, and a message that the broker does not take is an error.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.broker import LARGEST_MESSAGE_BYTES, Broker, DeliveryError
from connectors.raw import Headers

_POLL_S: Final = 0.05
_FLUSH_S: Final = 30.0

_PRODUCER: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "message.max.bytes": LARGEST_MESSAGE_BYTES,
}

RECORDED: Final[Mapping[str, Any]] = {
    "linger.ms": 20,
    "queue.buffering.max.messages": 20_000,
    "queue.buffering.max.kbytes": 65_536,
}
"""For recordings: large requests; who reads a file can wait at once."""

LIVE: Final[Mapping[str, Any]] = {
    "linger.ms": 4,
    # Ten seconds of a busy market may wait here for a broker; what comes then waits in the exchange's sockets.
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 98_304,
    # As long as the job waits for its broker.
    "message.timeout.ms": 3_600_000,
}
"""For live feeds: small delay, room for a pause of the broker."""

LATENCY_BUCKETS_S: Final = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Message(NamedTuple):
    """One raw message to be."""

    recv_ns: int
    key: bytes | None
    value: bytes
    headers: Headers


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a key, for ever: CRC-32 modulo the number of partitions.

    >>> partition_of(b"binance-spot:BTCUSDT", 4)
    3
    """
    return zlib.crc32(key or b"") % partitions


class RawTopicWriter:
    """Writes raw messages, and knows which of them the broker has.

    Args:
        broker: Where to.
        topic: The raw topic.
        tuning: ``RECORDED`` or ``LIVE``.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: The broker does not answer.
    """

    def __init__(self, broker: Broker, topic: str, tuning: Mapping[str, Any] = RECORDED) -> None:
        self.topic = topic
        self._address = broker.bootstrap_servers
        self._partitions = len(broker.partitions_of(topic))
        self._producer = Producer(broker.config({**_PRODUCER, **tuning}))
        self.acknowledged = 0
        self.latencies = [0] * (len(LATENCY_BUCKETS_S) + 1)
        """Acknowledged messages by the time from handing over to acknowledgement: one count a bucket, the last is the rest."""
        self.latency_s = 0.0
        """Sum of these times."""
        self._error: KafkaError | None = None

    @property
    def waiting(self) -> int:
        """Messages that were handed over and are not acknowledged."""
        return len(self._producer)

    def write(self, message: Message) -> int:
        """Hand over one message; waits while the producer's queue is full. Returns its partition.

        Raises:
            DeliveryError: The broker did not take an earlier one.
        """
        while (partition := self.offer(message.key, message.value, message.headers)) is None:
            self._heard(self._producer.poll, _POLL_S)
        self._heard(self._producer.poll, 0)
        return partition

    def offer(self, key: bytes | None, value: bytes, headers: Headers) -> int | None:
        """Hand over one message without waiting; None: the queue is full, and the message was not taken.

        Returns:
            Its partition.

        Raises:
            DeliveryError: The broker did not take an earlier one.
        """
        self._raise_if_failed()
        partition = partition_of(key, self._partitions)
        given: Any = headers
        try:
            self._producer.produce(self.topic, value, key, partition, headers=given, on_delivery=self._delivered)
        except BufferError:
            return None
        except KafkaException as error:  # larger than what our producers let through
            raise self._failed(error.args[0]) from error
        return partition

    def serve(self) -> None:
        """Take in what the broker has acknowledged meanwhile.

        Raises:
            DeliveryError: The broker did not take a message.
        """
        self._heard(self._producer.poll, 0)
        self._raise_if_failed()

    def close(self, timeout_s: float = _FLUSH_S, left_behind: int = 0) -> None:
        """Wait until everything is acknowledged.

        Args:
            timeout_s: How long, at most.
            left_behind: Messages that were never taken for want of room, to be told with the rest.

        Raises:
            DeliveryError: Something is not.
        """
        left = self._heard(self._producer.flush, timeout_s) + left_behind
        self._raise_if_failed()
        if left:
            raise DeliveryError(
                f"expected the broker at {self._address} to take all messages in time, {left} are left, and may "
                f"be missing in {self.topic}; look after the broker, then feed again"
            )

    def _delivered(self, error: KafkaError | None, message: confluent_kafka.Message) -> None:
        if error is None:
            self.acknowledged += 1
            latency_s = message.latency() or 0.0
            self.latency_s += latency_s
            self.latencies[bisect_left(LATENCY_BUCKETS_S, latency_s)] += 1
        elif self._error is None:
            self._error = error

    def _heard(self, call: Callable[[float], int], timeout_s: float) -> int:
        """Let librdkafka report; a fatal error of it comes as an exception, which one of our callbacks may have lost."""
        try:
            return call(timeout_s)
        except (KafkaException, SystemError) as error:
            cause = error if isinstance(error, KafkaException) else error.__cause__
            fatal = cause.args[0] if isinstance(cause, KafkaException) else KafkaError(KafkaError._FATAL)  # noqa: SLF001
            raise self._failed(fatal) from error

    def _raise_if_failed(self) -> None:
        if self._error is not None:
            raise self._failed(self._error)

    def _failed(self, error: KafkaError) -> DeliveryError:
        return DeliveryError(
            f"expected the broker at {self._address} to take a message for {self.topic}, received: {error.str()}"
        )
