"""A producer that knows what became of its messages: the idempotent way of delivery.

Owns the promise that nothing is lost on the way out: ``settle`` returns only after every message was acknowledged, and a
message that the broker won't take ends everything, with nothing after it written, so that a restart can repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, repeat
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.acknowledged import Acknowledged
from connectors.broker import LOG, DeliveryError
from connectors.outgoing import OutBatch, Outgoing
from connectors.raw import Headers
from connectors.terms import (
    CLOSE_WAIT_S,
    PRODUCER_DEFAULTS,
    REFUSALS,
    SLICE_S,
    Terms,
    Waiting,
    not_taken,
    refused,
)

_PRODUCER: Final[Mapping[str, bool | int]] = {
    # Retries neither repeat nor reorder messages.
    "enable.idempotence": True,
    # A message waits as long as the broker is away; how long in all is decided here (Patience), not message by message.
    "message.timeout.ms": 0,
}

_PUSH_S: Final = 0.001


class Outlet:
    """A producer and what became of its messages, for all partitions of a process.

    Raises:
        DeliveryError: from ``send`` and ``settle``, once a message failed or a second writer won; the first failure counts.
    """

    def __init__(self, terms: Terms) -> None:
        self._topic = terms.topic
        self._shrink = terms.shrink
        self._patience = terms.patience
        self._failure: DeliveryError | None = None
        self._closed = False
        self._lingers = False
        self._broker = terms.broker
        self._acknowledged = Acknowledged(terms.topic, terms.claim, self._refused, self._fail, self._ends_now)
        self._refusals = (0, 0)
        self._again: list[tuple[int, int, Outgoing]] = []
        # With gaps allowed, messages behind a failed one would still be written, and a restart would take it for written.
        ours = {**_PRODUCER, "enable.gapless.guarantee": terms.shrink is None}
        try:
            config = terms.broker.config({**ours, "error_cb": self._heard}, PRODUCER_DEFAULTS)
            self._producer = Producer(config)
        except KafkaException as error:
            raise terms.broker.failed(f"to write topic {terms.topic}", error) from error

    @property
    def ends(self) -> Mapping[int, int]:
        """By partition the offset behind the last message that is known to be written."""
        return self._acknowledged.ends

    def begin(self, partition: int, end: int) -> None:
        """The partition ends there now; what is there from then on should be ours."""
        self._acknowledged.begin(partition, end)

    def send(self, batch: OutBatch) -> None:
        """Hand the messages to librdkafka, which sends them in their order, at the latest when they have lingered."""
        self._lingers = True
        self._serve(self._producer.poll, 0)
        self._check()
        if batch.headers is None and self._shrink is None:
            if len(batch):
                self._send_plain(batch)
            return
        self._send_again()
        headers: Sequence[Headers | None] = batch.headers or [None] * len(batch)
        for key, value, timestamp_ms, own in zip(batch.keys, batch.values, batch.timestamps_ms, headers, strict=True):
            self._send_one(batch.partition, timestamp_ms, Outgoing(key, value, own))
        self._check()

    def push(self) -> None:
        """Have what was handed over sent now: nothing is coming that it could wait for.

        librdkafka knows no such call, but nothing lingers while somebody waits in ``flush``. Its thread sees that within 0.1 ms
        when it gets a processor, so the wait is as short as flush can be told; what is not acknowledged by then is pushed again
        the next time. What fails comes out of the next ``send`` or ``settle``.
        """
        if self._lingers:
            self._lingers = self._serve(self._producer.flush, _PUSH_S) > 0

    def settle(self) -> None:
        """Return once everything was acknowledged.

        Raises:
            BrokerError: the broker does not say where a partition ends, when that has to be asked.
        """
        waiting = Waiting(self._patience)
        while True:
            self._send_again()
            left = self._serve(self._producer.flush, SLICE_S)
            self._check()
            if left:
                self._go_on(waiting, f"{left} messages for {self._topic} are not acknowledged yet")
            elif not self._again:
                break
        self._acknowledged.settled()
        self._check()

    def close(self) -> None:
        """Send what is left, unless a message failed: what comes after it must not be written. Never raises."""
        if self._failure is not None or self._closed:  # closed by another part, which has waited long enough for all
            self._producer.purge()
        self._closed = True
        if left := self._serve(self._producer.flush, CLOSE_WAIT_S):
            LOG.error("%d messages for %s were not acknowledged; a restart repeats them", left, self._topic)

    def _send_plain(self, batch: OutBatch) -> None:
        """The hot path: no headers, a message that is too large is a failure, and one report tells of all messages.

        Reports cost as much as producing does. With no gaps allowed, a message that fails ends the producer, so the last one
        of a batch can't be written without the others.
        """
        produce, topic, partition = self._producer.produce, self._topic, batch.partition
        reports = chain(repeat(None, len(batch) - 1), [partial(self._acknowledged.delivered, count=len(batch))])
        rest = zip(batch.values, batch.keys, reports, batch.timestamps_ms, strict=True)
        waiting = None
        message = next(rest, None)
        while message is not None:
            value, key, report, timestamp_ms = message
            try:
                produce(topic, value, key, partition, report, None, timestamp_ms)
                for value, key, report, timestamp_ms in rest:
                    produce(topic, value, key, partition, report, None, timestamp_ms)
                message = None
            except BufferError:
                message = (value, key, report, timestamp_ms)
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
        report = self._acknowledged.delivered
        if self._shrink is not None:
            report = partial(self._delivered_or_shrunk, timestamp_ms, message)
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

    def _make_room(self, waiting: Waiting | None) -> Waiting:
        """Wait a moment for a full queue to be sent."""
        waiting = waiting or Waiting(self._patience)
        self._serve(self._producer.poll, SLICE_S / 10)
        self._check()
        self._go_on(waiting, f"the queue for {self._topic} is full, {len(self._producer)} messages wait")
        return waiting

    def _go_on(self, waiting: Waiting, why: str) -> None:
        try:
            waiting.go_on(why)
        except DeliveryError as error:
            self._fail(error)
            raise

    def _serve(self, call: Callable[[float], int], timeout_s: float) -> int:
        """Let librdkafka report; a fatal error of it comes as an exception, sometimes wrapped by Python itself."""
        try:
            return call(timeout_s)
        except (KafkaException, SystemError) as error:
            cause = error if isinstance(error, KafkaException) else error.__cause__
            if not isinstance(cause, KafkaException):
                # Of a fatal error that met one of our callbacks nothing is left; the reports of the messages tell more.
                with suppress(KafkaException, SystemError):
                    self._producer.flush(SLICE_S)
                cause = KafkaException(KafkaError(KafkaError._FATAL))  # noqa: SLF001 (librdkafka's own code)
            self._fail(not_taken(self._topic, cause.args[0]))
            return len(self._producer)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka says of the whole producer; it goes on trying, which is right but for wrong passwords."""
        if error.fatal():
            self._fail(not_taken(self._topic, error))
        if error.code() != KafkaError._AUTHENTICATION:  # noqa: SLF001 (librdkafka's own code)
            return
        # One alone may be a broker that went away in the middle of a handshake.
        acknowledged, (refusals, before) = sum(self.ends.values()), self._refusals
        refusals = refusals + 1 if acknowledged == before else 1
        self._refusals = (refusals, acknowledged)
        if refusals >= REFUSALS:
            self._fail(not_taken(self._topic, error))

    def _delivered_or_shrunk(
        self, timestamp_ms: int, sent: Outgoing, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self._acknowledged.delivered(error, message)
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

    def _ends_now(self, partitions: Sequence[int]) -> dict[int, int]:
        there = self._broker.offsets(self._topic, partitions)
        return {partition: end for partition, (_, end) in there.items()}

    def _refused(self, partition: int, error: KafkaError) -> None:
        self._fail(refused(self._topic, partition, error))

    def _fail(self, error: DeliveryError) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is None:
            try:
                self._acknowledged.check()
            except DeliveryError as error:
                self._fail(error)
        if self._failure is not None:
            raise self._failure
