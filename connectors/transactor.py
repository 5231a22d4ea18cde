"""One partition written in transactions: the steps, and what is done when one of them fails.

Owns the promise that a message is in exactly one committed transaction, whatever broker and coordinator do meanwhile:

- a step that can be repeated is repeated;
- a transaction that has to be given up is given up, and its messages are written again in the next one;
- a producer that librdkafka declares dead is replaced. Whether its last transaction was committed may then be unknown, so
  the new one reads the end of the partition, as after a crash, and leaves out what is there;
- a producer that was fenced by a newer one stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.broker import LOG
from connectors.loader import Loader
from connectors.outgoing import OutBatch
from connectors.tail import answered_after, bounds, without
from connectors.terms import PRODUCER_DEFAULTS, REFUSALS, SLICE_S, Terms, not_delivered, not_taken, refused

_TIMEOUT: Final = "transaction.timeout.ms"
_DEFAULTS: Final = {
    # Readers of committed messages see nothing behind the open transaction of a process that died, until a restart or this.
    _TIMEOUT: 30_000,
    # Half a millisecond, as text: what a transaction holds should be there when it is to be committed. Lingering longer saves
    # nothing here, since a commit ends it.
    "linger.ms": "0.5",
}
_PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0)
_RENEWALS: Final = 5
"""Producers that die one after the other without a single commit."""

_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}  # noqa: SLF001 (librdkafka's own)
)
_PERMANENT: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)
"""Refusals that the same messages would meet again."""


class Over(Exception):  # noqa: N818 (no error: it ends a wait that nobody waits for any more)
    """Waiting makes no sense any more."""


class _DeadError(Exception):
    """librdkafka's producer can't be used any more."""

    def __init__(self, cause: KafkaError) -> None:
        super().__init__(cause)
        self.cause = cause


class Transactor:
    """The producer of one partition, for one thread. ``end`` is the offset behind the last message known to be committed.

    While messages are left out because a crash had them written already, ``end`` stays where they begin.

    Args:
        terms: whom to write for, and how.
        partition: to write to.
        begin: where the output of this state begins, or went on to; None when that is not known.
        over: whether to end a wait with ``Over``.

    Raises:
        DeliveryError: from ``open`` and ``write``, when the broker won't take a message or a second writer won.
        BrokerError: from both, when the end of the partition could not be read.
        Over: from both.
    """

    def __init__(self, terms: Terms, partition: int, begin: int | None, over: Callable[[], bool]) -> None:
        self.end = begin or 0
        self._is_known = begin is not None
        self._terms = terms
        self._topic = terms.topic
        self._partition = partition
        self._over = over
        self._answered: set[int] = set()
        self._producer: Producer | None = None
        self._timeout_s = 0.0
        self._begun = 0.0
        self._loader = Loader(terms.topic, partition, terms.shrink, self._go_on)
        self._login: list[KafkaError] = []

    def open(self) -> None:
        """Fence whoever wrote here before, and see what was committed."""
        terms, config = self._terms, self._config()
        self._timeout_s = int(config[_TIMEOUT]) / 1000
        try:
            producer = self._producer = Producer(config)
            self._insist(producer.init_transactions)
        except KafkaException as error:
            raise terms.broker.failed(f"to write topic {self._topic} in transactions", error) from error
        except _DeadError as error:
            raise not_taken(self._topic, error.cause) from error
        self._loader.end = 0
        there = bounds(terms.broker, self._topic, [self._partition], self._go_on)[self._partition]
        if terms.identify is not None and self._is_known:
            self._answered = answered_after(
                terms.broker, self._topic, self._partition, self.end, there=there, identify=terms.identify
            )
        if self._answered:
            LOG.info(
                "%d messages behind the last recovery point are in partition %d", len(self._answered), self._partition
            )
        else:
            self.end = there.end
        self._is_known = True

    def write(self, arriving: Iterable[Sequence[OutBatch]]) -> None:
        """Return once the messages that arrive are committed, or were before; they are asked for once each."""
        arriving = iter(arriving)
        taken: list[OutBatch] = []
        for _ in range(_RENEWALS):
            dead = self._survived(taken, arriving)
            if dead is None:
                return
            self._judge(dead)
            self.close()
            self.open()
            taken = self._new(taken)
        raise not_delivered(f"expected one of {_RENEWALS} producers to write to topic {self._topic}, all ended early")

    def close(self) -> None:
        """Let go of the producer; what was not committed never becomes visible."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _new(self, batches: Iterable[OutBatch]) -> list[OutBatch]:
        """What is not written already."""
        identify = self._terms.identify
        new = [without(batch, self._answered, identify) if self._answered and identify else batch for batch in batches]
        return [batch for batch in new if len(batch)]

    def _survived(self, taken: list[OutBatch], arriving: Iterator[Sequence[OutBatch]]) -> KafkaError | None:
        """Whether the producer did; else what it died of."""
        try:
            self._transact(taken, arriving)
        except _DeadError as error:
            return error.cause
        return None

    def _transact(self, taken: list[OutBatch], arriving: Iterator[Sequence[OutBatch]]) -> None:
        """All of it in one transaction, as often as it takes; what arrives is added to ``taken``."""
        for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
            cause = self._attempt(taken, arriving)
            if cause is None:
                if not self._answered:
                    self.end = max(self.end, self._loader.end)
                self._login.clear()
                return
            self._abort(cause)
            if self._loader.makes_smaller():
                continue
            if cause.code() in _PERMANENT:
                raise refused(self._topic, self._partition, cause)
            LOG.warning("partition %d of %s is written again: %s", self._partition, self._topic, cause.str())
            self._pause(pause_s)

    def _attempt(self, taken: list[OutBatch], arriving: Iterator[Sequence[OutBatch]]) -> KafkaError | None:
        """One transaction; why it has to be given up, if it has."""
        producer = self._open_producer()
        self._begun = time.monotonic()
        try:
            producer.begin_transaction()
            for batch in taken:
                self._loader.load(producer, batch)
            for batches in arriving:
                new = self._new(batches)
                taken += new
                for batch in new:
                    self._loader.load(producer, batch)
            self._insist(producer.commit_transaction)
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            return cause
        return None

    def _abort(self, cause: KafkaError) -> None:
        """Give the transaction up; when that is refused too, the producer is of no use any more."""
        if cause.fatal():
            raise _DeadError(cause)
        try:
            self._insist(self._open_producer().abort_transaction)
        except KafkaException as error:
            raise _DeadError(error.args[0]) from error

    def _judge(self, cause: KafkaError) -> None:
        """Why the producer died: a newer writer, or a transaction that took the broker too long.

        The broker gives up such a transaction and fences its producer, which looks the same from here.
        """
        claim = self._terms.claim
        was_late = time.monotonic() - self._begun >= self._timeout_s
        was_fenced = cause.code() in _FENCED and not was_late
        may_be_fenced = cause.code() in {*_FENCED, KafkaError._FATAL}  # noqa: SLF001 (librdkafka's own code)
        if was_fenced or (may_be_fenced and claim.superseded and claim.superseded(self._partition)):
            claim.defend(self._topic, self._partition)
        LOG.warning("a new producer for partition %d of %s: %s", self._partition, self._topic, cause.str())

    def _insist(self, call: Callable[[float], None]) -> None:
        """Call until it is done; what is under way goes on meanwhile and is only asked for again."""
        while True:
            try:
                call(SLICE_S)
            except (KafkaException, SystemError) as error:
                # Python wraps what a callback of librdkafka's left behind; it may be nothing, after a fatal error.
                raised = error if isinstance(error, KafkaException) else error.__cause__
                if not isinstance(raised, KafkaException):
                    fatal = KafkaError(KafkaError._FATAL)  # noqa: SLF001 (librdkafka's own code)
                    raise _DeadError(fatal) from error
                cause: KafkaError = raised.args[0]
                if cause.fatal():
                    raise _DeadError(cause) from error
                if cause.txn_requires_abort() or not cause.retriable():
                    raise raised from None
            else:
                return
            self._open_producer().poll(0)
            self._go_on()

    def _open_producer(self) -> Producer:
        assert self._producer is not None
        return self._producer

    def _go_on(self, why: str = "") -> None:
        """Nothing against waiting on."""
        if why:
            LOG.warning("waiting: %s", why)
        if len(self._login) >= REFUSALS:
            raise not_taken(self._topic, self._login[-1])
        if self._over():
            raise Over

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._go_on()
            time.sleep(_PAUSES_S[0] / 2)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka says of the whole producer; it goes on trying, which is right but for wrong passwords."""
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 (librdkafka's own code)
            self._login.append(error)

    def _config(self) -> dict[str, Any]:
        """One id for each partition: whoever writes it fences whoever did, however partitions are dealt out to shards."""
        ours = {"transactional.id": f"obi.{self._topic}.{self._partition:05d}", "error_cb": self._heard}
        return self._terms.broker.config(ours, {**PRODUCER_DEFAULTS, **_DEFAULTS})
