"""A producer that knows what became of its messages.

Owns the promise that nothing is lost on the way out: ``settle`` returns only after every message was acknowledged, and a
message that the broker won't take ends everything, with nothing after it written, so that a restart can repeat it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.broker import LARGEST_MESSAGE_BYTES, LOG, Broker, DeliveryError, Stop
from connectors.outgoing import OutBatch
from connectors.raw import Headers

WAIT_S: Final = 3600.0
"""How long to wait for acknowledgements of a broker that is away, before the job stops. Nothing is lost either way."""

_STOP_WAIT_S: Final = 20.0
"""The same after a request to stop: whoever stops a job does not wait for ever."""

_CLOSE_WAIT_S: Final = 5.0
_SLICE_S: Final = 0.5
_SAY_EVERY_S: Final = 10.0
_REFUSALS: Final = 3
"""Failed authentications in a row that end the job."""

_PRODUCER: Final[Mapping[str, bool | int]] = {
    # Retries neither repeat nor reorder messages.
    "enable.idempotence": True,
    # A message waits as long as the broker is away; how long in all is decided here (WAIT_S), not message by message.
    "message.timeout.ms": 0,
}
_PRODUCER_DEFAULTS: Final[Mapping[str, int]] = {
    "linger.ms": 5,
    # What an epoch may have under way; enough for a second at full speed.
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 262_144,
    "message.max.bytes": LARGEST_MESSAGE_BYTES + 65_536,
}


class Outgoing(NamedTuple):
    """One message, without its partition and time."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None


Shrink = Callable[[Outgoing], Outgoing | None]
"""A smaller form of a message that was too large; None when there is none."""


class Outlet:
    """A producer and what became of its messages. ``ends`` has the next offset by partition, as acknowledged.

    Raises:
        DeliveryError: from ``send`` and ``settle``, once a message failed; the first failure counts.
    """

    def __init__(self, broker: Broker, topic: str, shrink: Shrink | None, wait_s: float, stop: Stop | None) -> None:
        self.ends: dict[int, int] = {}
        self._topic = topic
        self._shrink = shrink
        self._wait_s = wait_s
        self._stop = stop
        self._failure: DeliveryError | None = None
        self._refusals = 0
        self._again: list[tuple[int, int, Outgoing]] = []
        # With gaps allowed, messages behind a failed one would still be written, and a restart would take it for written.
        ours = {**_PRODUCER, "enable.gapless.guarantee": shrink is None}
        hooks = {"on_delivery": self._delivered, "error_cb": self._heard}
        try:
            self._producer = Producer(broker.config({**ours, **hooks}, _PRODUCER_DEFAULTS))
        except KafkaException as error:
            raise broker.failed(f"to write topic {topic}", error) from error

    def send(self, batch: OutBatch) -> None:
        """Hand the messages to librdkafka, which sends them in their order."""
        self._serve(self._producer.poll, 0)
        self._check()
        if batch.headers is None and self._shrink is None:
            self._send_plain(batch)
            return
        self._send_again()
        headers: Sequence[Headers | None] = batch.headers or [None] * len(batch)
        for key, value, timestamp_ms, own in zip(batch.keys, batch.values, batch.timestamps_ms, headers, strict=True):
            self._send_one(batch.partition, timestamp_ms, Outgoing(key, value, own))
        self._check()

    def settle(self) -> None:
        """Return once everything was acknowledged."""
        waiting = _Waiting(self)
        while True:
            self._send_again()
            left = self._serve(self._producer.flush, _SLICE_S)
            self._check()
            if left:
                waiting.go_on(f"{left} messages for {self._topic} are not acknowledged yet")
            elif not self._again:
                return

    def close(self) -> None:
        """Send what is left, unless a message failed: what comes after it must not be written. Never raises."""
        if self._failure is not None:
            self._producer.purge()
        if left := self._serve(self._producer.flush, _CLOSE_WAIT_S):
            LOG.error("%d messages for %s were not acknowledged; a restart repeats them", left, self._topic)

    def limit_s(self) -> float:
        """How long to wait for the broker from now on."""
        stopping = self._stop is not None and self._stop.is_set()
        return min(self._wait_s, _STOP_WAIT_S) if stopping else self._wait_s

    def give_up(self, why: str) -> None:
        """End waiting with an error."""
        self._fail(f"expected the broker to acknowledge within {self.limit_s():g} s, but {why}")
        self._check()

    def _send_plain(self, batch: OutBatch) -> None:
        """The hot path: no headers, a message that is too large is a failure."""
        produce, topic, partition = self._producer.produce, self._topic, batch.partition
        rest = zip(batch.values, batch.keys, batch.timestamps_ms, strict=True)
        waiting = None
        message = next(rest, None)
        while message is not None:
            value, key, timestamp_ms = message
            try:
                produce(topic, value, key, partition, None, None, timestamp_ms)
                for value, key, timestamp_ms in rest:
                    produce(topic, value, key, partition, None, None, timestamp_ms)
                message = None
            except BufferError:
                message = (value, key, timestamp_ms)
                waiting = self._make_room(waiting)
            except KafkaException as error:
                self._refused(partition, error.args[0])
                self._check()

    def _send_one(self, partition: int, timestamp_ms: int, message: Outgoing) -> None:
        """A message that may have headers and may become smaller."""
        waiting = None
        while not self._is_taken(partition, timestamp_ms, message):
            waiting = self._make_room(waiting)

    def _is_taken(self, partition: int, timestamp_ms: int, message: Outgoing) -> bool:
        report = None if self._shrink is None else partial(self._delivered_or_shrunk, timestamp_ms, message)
        headers = () if message.headers is None else (message.headers,)
        try:
            self._producer.produce(
                self._topic, message.value, message.key, partition, report, None, timestamp_ms, *headers
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._refused_or_shrunk(partition, timestamp_ms, message, error.args[0])
        return True

    def _send_again(self) -> None:
        """Messages that were too large, in their smaller form; apart, because reports come while librdkafka is busy."""
        again, self._again = self._again, []
        for partition, timestamp_ms, message in again:
            self._send_one(partition, timestamp_ms, message)

    def _make_room(self, waiting: _Waiting | None) -> _Waiting:
        """Wait a moment for a full queue to be sent."""
        waiting = waiting or _Waiting(self)
        self._serve(self._producer.poll, _SLICE_S / 10)
        self._check()
        waiting.go_on(f"the queue for {self._topic} is full, {len(self._producer)} messages wait")
        return waiting

    def _serve(self, call: Callable[[float], int], timeout_s: float) -> int:
        """Let librdkafka report; a fatal error of it comes as an exception, sometimes wrapped by Python itself."""
        try:
            return call(timeout_s)
        except (KafkaException, SystemError) as error:
            cause = error if isinstance(error, KafkaException) else error.__cause__
            if not isinstance(cause, KafkaException):
                raise
            self._fail(f"expected the broker to take messages for topic {self._topic}, received: {cause.args[0].str()}")
            return len(self._producer)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka says of the whole producer; it goes on trying, which is right but for wrong passwords."""
        self._refusals += error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001 (librdkafka's own code)
        # One alone may be a broker that went away in the middle of a handshake.
        if self._refusals >= _REFUSALS:
            self._fail(f"expected the broker to take messages for topic {self._topic}, received: {error.str()}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        partition = message.partition() or 0
        if error is None:
            self.ends[partition] = (message.offset() or 0) + 1
            self._refusals = 0
        else:
            self._refused(partition, error)

    def _delivered_or_shrunk(
        self, timestamp_ms: int, sent: Outgoing, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self._delivered(error, message)
        else:
            self._refused_or_shrunk(message.partition() or 0, timestamp_ms, sent, error)

    def _refused_or_shrunk(self, partition: int, timestamp_ms: int, sent: Outgoing, error: KafkaError) -> None:
        smaller = None
        if self._shrink is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            smaller = self._shrink(sent)
        if smaller is None:
            self._refused(partition, error)
        else:
            self._again.append((partition, timestamp_ms, smaller))

    def _refused(self, partition: int, error: KafkaError) -> None:
        self._fail(f"expected partition {partition} of topic {self._topic} to take a message, received: {error.str()}")

    def _fail(self, what: str) -> None:
        if self._failure is None:
            self._failure = DeliveryError(
                f"{what}; nothing is lost: once the broker and the topic are well, start again, and the job repeats "
                "everything after its last recovery point"
            )

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


class _Waiting:
    """A wait for the broker that is seen in the log and ends."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._start = self._said = time.monotonic()

    def go_on(self, why: str) -> None:
        """Wait on, or give up with an error when it took too long."""
        now = time.monotonic()
        if now - self._start > self._outlet.limit_s():
            self._outlet.give_up(why)
        if now - self._said > _SAY_EVERY_S:
            self._said = now
            LOG.warning("waiting for the broker since %.0f s: %s", now - self._start, why)
