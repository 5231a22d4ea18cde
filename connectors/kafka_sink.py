"""Finished messages into Kafka as Bytewax's sink.

Owns the promise of the way out: each message to its partition, acknowledged before a recovery point counts it, and not
written again when a crash came between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from typing_extensions import override

from connectors.broker import LOG, Broker, Stop
from connectors.outgoing import OutBatch
from connectors.outlet import WAIT_S, Outlet, Shrink
from connectors.tail import Identify, answered_after, without


class KafkaSink(FixedPartitionedSink[OutBatch, int]):
    """A topic's partitions as Bytewax's sink parts; items are ``(zero-padded partition, OutBatch)``.

    A part's snapshot is an offset behind which nothing is written that the recovery point does not know of. When a part is
    built, what lies there and behind was written before a crash; those messages are left out when they come again.

    Args:
        broker: where.
        topic: to write to.
        partitions: how many the topic has.
        identify: tells messages that were written from new ones; without it, a crash repeats messages.
        begins: by partition, where the output of this state began: what a part without a snapshot reads on from.
        shrink: for messages that the broker finds too large; without it they stop the job.
        wait_s: how long a broker may be away before the job stops.
        stop: when set, waiting is cut to 20 s.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        partitions: int,
        *,
        identify: Identify | None = None,
        begins: Mapping[int, int] | None = None,
        shrink: Shrink | None = None,
        wait_s: float = WAIT_S,
        stop: Stop | None = None,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._partitions = partitions
        self._identify = identify
        self._begins = begins or {}
        self._open: Callable[[], Outlet] = partial(Outlet, broker, topic, shrink, wait_s, stop)
        self._outlet: Outlet | None = None
        self._there: dict[int, tuple[int, int]] | None = None

    @override
    def list_parts(self) -> list[str]:
        return [f"{partition:05d}" for partition in range(self._partitions)]

    @override
    def part_fn(self, item_key: str) -> int:
        return int(item_key)

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> KafkaSinkPart:
        if self._outlet is None:  # one producer for all parts of this process, made where it is used
            self._outlet = self._open()
        partition = int(for_part)
        begin = self._begins.get(partition, 0) if resume_state is None else resume_state
        if self._identify is None or (resume_state is None and partition not in self._begins):
            return KafkaSinkPart(self._outlet, partition, begin)
        if self._there is None:  # asked once for all parts, before the first of them writes
            self._there = self._broker.offsets(self._topic, range(self._partitions))
        answered = answered_after(
            self._broker, self._topic, partition, begin, there=self._there[partition], identify=self._identify
        )
        return KafkaSinkPart(self._outlet, partition, begin, answered, self._identify)


class KafkaSinkPart(StatefulSinkPartition[OutBatch, int]):
    """One partition of the topic.

    Raises:
        DeliveryError: from ``write_batch`` or ``snapshot``, when the broker did not take a message.
    """

    def __init__(
        self,
        outlet: Outlet,
        partition: int,
        begin: int,
        answered: set[int] | None = None,
        identify: Identify | None = None,
    ) -> None:
        self._outlet = outlet
        self._partition = partition
        self._begin = begin
        self._answered = answered or set()
        self._identify = identify
        if self._answered:
            LOG.info("%d messages behind the last recovery point are in partition %d", len(self._answered), partition)

    @override
    def write_batch(self, values: list[OutBatch]) -> None:
        for batch in values:
            if batch.partition != self._partition:
                raise ValueError(f"expected messages for partition {self._partition}, received {batch.partition}")
            if self._answered and self._identify is not None:
                self._outlet.send(without(batch, self._answered, self._identify))
            else:
                self._outlet.send(batch)

    @override
    def snapshot(self) -> int:
        self._outlet.settle()
        if not self._answered:  # else a second crash must find the same messages again
            self._begin = self._outlet.ends.get(self._partition, self._begin)
        return self._begin

    @override
    def close(self) -> None:
        self._outlet.close()
