"""Finished messages into Kafka as Bytewax's sink.

Owns the promise of the way out: each message to its partition, acknowledged before a recovery point counts it, and not
written again when a crash came between the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from typing_extensions import override

from connectors.broker import LOG, Broker, Stop
from connectors.outgoing import OutBatch, Shrink
from connectors.outlet import Outlet
from connectors.tail import Bounds, Identify, answered_after, bounds, without
from connectors.terms import WAIT_S, Claim, Patience, Terms, Waiting
from connectors.transactions import TransactionalPart


class KafkaSink(FixedPartitionedSink[OutBatch, int]):
    """Some partitions of a topic as Bytewax's sink parts; items are ``(zero-padded partition, OutBatch)``.

    A part's snapshot is an offset behind which nothing is written that the recovery point does not know of. When a part is
    built, what lies there and behind was written before a crash; those messages are left out when they come again.

    Args:
        broker: where.
        topic: to write to.
        partitions: those of the topic that are ours to write.
        identify: tells messages that were written from new ones; without it, a crash repeats messages.
        begins: by partition, where the output of this state began: what a part without a snapshot reads on from.
        shrink: for messages that the broker finds too large; without it they stop the job.
        wait_s: how long a broker may be away before the job stops.
        stop: when set, waiting is cut to 20 s.
        claim: whose the partitions are, and what is done about a second writer.
        transaction_interval_ms: deliver in transactions that are this long; None delivers each message at once.
        epoch_interval_ms: how long an epoch is: the last transaction of an epoch is to end with it.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        partitions: Sequence[int],
        *,
        identify: Identify | None = None,
        begins: Mapping[int, int] | None = None,
        shrink: Shrink | None = None,
        wait_s: float = WAIT_S,
        stop: Stop | None = None,
        claim: Claim | None = None,
        transaction_interval_ms: int | None = None,
        epoch_interval_ms: int = 1000,
    ) -> None:
        self._terms = Terms(broker, topic, identify, shrink, Patience(wait_s, stop), claim or Claim())
        self._partitions = sorted(partitions)
        self._places = {partition: place for place, partition in enumerate(self._partitions)}
        self._begins = begins or {}
        self._interval_ms = transaction_interval_ms
        self._epoch_s = epoch_interval_ms / 1000
        self._outlet: Outlet | None = None
        self._there: dict[int, Bounds] | None = None
        self._idempotent: dict[int, KafkaSinkPart] = {}
        self._transactional: dict[int, TransactionalPart] = {}

    @property
    def ends(self) -> dict[int, int]:
        """By partition the offset behind the last message that is known to be written.

        While a part still leaves out what was written before a crash, it is where that began. Of parts that were not built
        yet it is where the output of this state began.
        """
        built = {number: part.end for number, part in self._idempotent.items()}
        built |= {number: part.end for number, part in self._transactional.items()}
        return {number: built.get(number, self._begins.get(number, 0)) for number in self._partitions}

    @property
    def flushed_s(self) -> float:
        """How long the stream has stood still at the ends of epochs, until all was acknowledged, in all."""
        return self._terms.flushes.seconds

    def push(self) -> None:
        """Let no message linger: none is coming that it could share a request with. Takes 1 ms at most.

        Transactions don't need it: what is in one is sent when it is committed.
        """
        if self._outlet is not None:
            self._outlet.push()

    @override
    def list_parts(self) -> list[str]:
        return [f"{partition:05d}" for partition in self._partitions]

    @override
    def part_fn(self, item_key: str) -> int:
        place = self._places.get(int(item_key))
        if place is None:
            topic, ours = self._terms.topic, self._partitions
            raise ValueError(f"expected messages for partitions {ours} of {topic}, received partition {int(item_key)}")
        return place

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> StatefulSinkPartition[OutBatch, int]:
        partition = int(for_part)
        begin = self._begins.get(partition) if resume_state is None else resume_state
        if self._interval_ms is not None:
            parts, interval_s = self._transactional, self._interval_ms / 1000
            parts[partition] = TransactionalPart(
                self._terms, partition, begin, interval_s=interval_s, epoch_s=self._epoch_s, parts=parts
            )
            return parts[partition]
        self._idempotent[partition] = part = self._idempotent_part(partition, begin)
        return part

    def _idempotent_part(self, partition: int, begin: int | None) -> KafkaSinkPart:
        terms = self._terms
        if self._outlet is None:  # one producer for all parts of this process, made where it is used
            self._outlet = Outlet(terms)
        if terms.identify is None or begin is None:
            return KafkaSinkPart(self._outlet, terms, partition, begin or 0)
        there = self._bounds()[partition]
        answered = answered_after(terms.broker, terms.topic, partition, begin, there=there, identify=terms.identify)
        self._outlet.begin(partition, there.end)
        return KafkaSinkPart(self._outlet, terms, partition, begin, answered)

    def _bounds(self) -> dict[int, Bounds]:
        """Asked once for all parts, before the first of them writes: each question holds the job up."""
        if self._there is None:
            go_on = Waiting(self._terms.patience).go_on
            self._there = bounds(self._terms.broker, self._terms.topic, self._partitions, go_on)
        return self._there


class KafkaSinkPart(StatefulSinkPartition[OutBatch, int]):
    """One partition of the topic.

    Raises:
        DeliveryError: from ``write_batch`` or ``snapshot``, when the broker did not take a message.
    """

    def __init__(
        self,
        outlet: Outlet,
        terms: Terms,
        partition: int,
        begin: int,
        answered: set[int] | None = None,
    ) -> None:
        self._outlet = outlet
        self._partition = partition
        self._begin = begin
        self._answered = answered or set()
        self._terms = terms
        if self._answered:
            LOG.info("%d messages behind the last recovery point are in partition %d", len(self._answered), partition)

    @property
    def end(self) -> int:
        """The offset behind the last message that is known to be written, as ``KafkaSink.ends`` has it."""
        if not self._answered:  # else a second crash must find the same messages again
            self._begin = self._outlet.ends.get(self._partition, self._begin)
        return self._begin

    @override
    def write_batch(self, values: list[OutBatch]) -> None:
        for batch in values:
            if batch.partition != self._partition:
                raise ValueError(f"expected messages for partition {self._partition}, received {batch.partition}")
            if self._answered and self._terms.identify is not None:
                self._outlet.send(without(batch, self._answered, self._terms.identify))
            else:
                self._outlet.send(batch)

    @override
    def snapshot(self) -> int:
        with self._terms.flushes.running():
            self._outlet.settle()
        return self.end

    @override
    def close(self) -> None:
        self._outlet.close()
