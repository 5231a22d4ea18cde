"""Finished messages into Kafka as Bytewax's sink: each to its partition, acknowledged before a recovery point counts them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from typing_extensions import override

from connectors.broker import Broker, Stop
from connectors.outgoing import OutBatch
from connectors.outlet import WAIT_S, Outlet, Shrink


class KafkaSink(FixedPartitionedSink[OutBatch, int]):
    """A topic's partitions as Bytewax's sink parts; items are ``(zero-padded partition, OutBatch)``.

    A part's snapshot is the offset that its next message gets, 0 while it is not known.

    Args:
        broker: where.
        topic: to write to.
        partitions: how many the topic has.
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
        shrink: Shrink | None = None,
        wait_s: float = WAIT_S,
        stop: Stop | None = None,
    ) -> None:
        self._partitions = partitions
        self._open: Callable[[], Outlet] = partial(Outlet, broker, topic, shrink, wait_s, stop)
        self._outlet: Outlet | None = None

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
        return KafkaSinkPart(self._outlet, int(for_part), resume_state)


class KafkaSinkPart(StatefulSinkPartition[OutBatch, int]):
    """One partition of the topic.

    Raises:
        DeliveryError: from ``write_batch`` or ``snapshot``, when the broker did not take a message.
    """

    def __init__(self, outlet: Outlet, partition: int, resume: int | None) -> None:
        self._outlet = outlet
        self._partition = partition
        self._resume = resume or 0

    @override
    def write_batch(self, values: list[OutBatch]) -> None:
        for batch in values:
            if batch.partition != self._partition:
                raise ValueError(f"expected messages for partition {self._partition}, received {batch.partition}")
            self._outlet.send(batch)

    @override
    def snapshot(self) -> int:
        self._outlet.settle()
        return self._outlet.ends.get(self._partition, self._resume)

    @override
    def close(self) -> None:
        self._outlet.close()
