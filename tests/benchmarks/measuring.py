"""What the job computes of a workload, without a broker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.agreement import Metrics, metrics
from benchmarks.workload import Message
from connectors.decode import Decoder
from connectors.raw import RawBatch
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import MeasureConfig
from tests.kafka_reading import Read


def records(messages: Iterable[Message], counts: Counts) -> Iterator[bytes]:
    """The records, as their bytes."""
    raw = RawBatch("raw")
    for offset, message in enumerate(messages):
        raw.append(message.value, key=message.key, offset=offset)
    for result in measure_batches(Pipeline(Decoder(), MeasureConfig(), counts), [raw]):
        yield from result.records


def measured(messages: Iterable[Message]) -> Metrics:
    """The eight metrics of each."""
    return metrics(map(read, records(messages, Counts())))


def read(value: bytes) -> Read:
    """A record as it would be read from a topic."""
    return Read(0, 0, None, value, [], 0)
