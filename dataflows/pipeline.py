"""The steps between source and sinks as plain functions of batches: decode, measure, encode.

Owns their composition, without Bytewax and Kafka: the graph (``dataflows.graph``) gives each step a node, and
``measure_batches`` runs the same steps over recordings. What flows between them is batches of one instrument or one
partition, never single messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter, itemgetter
from typing import NamedTuple

import numpy as np

from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.encode import encode_records
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
from dataflows.counts import Counts
from orderbook.measurer import Measured, Measurer, Row
from orderbook.metrics import Block, join_books, measure_books
from orderbook.ofi import Carried, predecessors
from orderbook.presets import MeasureConfig, contract_size


class MeasuredGroup(NamedTuple):
    """One instrument's part of a poll, measured; its stateless metrics will be made of the levels that come with the rows."""

    instrument: str
    topic: str
    partition: int
    rows: list[Row]
    books: Block
    before: list[int]
    carried: Carried


class Pipeline:
    """The steps, with what they need to know and where they count."""

    def __init__(self, decoder: Decoder, config: MeasureConfig, counts: Counts) -> None:
        self._decoder = decoder
        self.config = config
        self.counts = counts

    def decode(self, raws: Iterable[RawBatch]) -> list[Group | Fault]:
        """Raw batches to groups by instrument, and faults."""
        out: list[Group | Fault] = []
        counts = self.counts
        with counts.stage("decode"):
            for raw in raws:
                decoded = self._decoder.decode(raw)
                counts.messages += len(raw)
                counts.faults.update(fault.reason for fault in decoded.faults)
                counts.notices.update(fault.reason for fault in raw.lost)
                out += raw.lost
                out += decoded.groups
                out += decoded.faults
        return out

    def measure(self, measurer: Measurer, group: Group) -> MeasuredGroup:
        """One instrument's events to the rows of its records."""
        counts = self.counts
        with counts.stage("measure"):
            measured: Measured = measurer.feed(
                group.events, group.levels, contract_size(group.instrument, self.config.contract_sizes)
            )
        counts.ignored += measured.ignored
        counts.notices += measured.notices
        counts.evidence.add(group.instrument, measured)
        return MeasuredGroup(group.instrument, group.origin.topic, group.partition, *measured[:4])

    def encode(self, measured: Iterable[MeasuredGroup]) -> list[tuple[str, OutBatch]]:
        """Rows to finished records, keyed by the partition that they go to.

        The stateless metrics of all instruments are computed at once: a poll of 500 instruments costs little more than
        one of 1.
        """
        with self.counts.stage("encode"):
            groups = [group for group in measured if group.rows]
            metrics = self._metrics(groups)
            out: dict[int, OutBatch] = {}
            for group in groups:
                batch = out.setdefault(group.partition, OutBatch(group.partition))
                rows = group.rows
                batch.values += encode_records(
                    group.instrument, group.topic, group.partition, rows, (next(metrics) for _ in rows)
                )
                batch.keys += [group.instrument.encode()] * len(rows)
                batch.timestamps_ms += [row.timestamp_ms for row in rows]
                self.counts.records += len(rows)
            return [(partition_key(partition), batch) for partition, batch in out.items()]

    def _metrics(self, groups: list[MeasuredGroup]) -> Iterator[list[float]]:
        """The stateless metrics of all rows of all groups, in their order."""
        if not groups:
            return iter(())
        books = join_books([group.books for group in groups])
        states = np.array([row.state for group in groups for row in group.rows], np.int8)
        sizes = [contract_size(group.instrument, self.config.contract_sizes) for group in groups]
        contract_sizes = None
        if any(size is not None for size in sizes):
            by_group = np.array([np.nan if size is None else size for size in sizes])
            contract_sizes = np.repeat(by_group, [len(group.rows) for group in groups])
        places = [place for group in groups for place in group.before]
        before = predecessors(books, [len(group.rows) for group in groups], places, [group.carried for group in groups])
        metrics = measure_books(books, states, self.config, contract_sizes, before)
        return iter(metrics.tolist())


def partition_key(partition: int) -> str:
    """Key of a partition's items and name of its sink part; padded, because Bytewax sorts part names as text."""
    return f"{partition:05d}"


class Result(NamedTuple):
    """One batch, measured without a broker: records in the order of their messages, and faults."""

    records: list[bytes]
    faults: list[Fault]


def measure_batches(pipeline: Pipeline, raws: Iterable[RawBatch]) -> Iterator[Result]:
    """The whole job over raw batches, in process; state is carried from one to the next.

    Records come in the order of their messages (over all instruments), so that no batch size shows in the output.
    """
    measurers: dict[str, Measurer] = {}
    for raw in raws:
        faults: list[Fault] = []
        measured: list[MeasuredGroup] = []
        for item in pipeline.decode([raw]):
            if isinstance(item, Fault):
                faults.append(item)
                continue
            if item.instrument not in measurers:
                measurers[item.instrument] = Measurer(pipeline.config)
            measured.append(pipeline.measure(measurers[item.instrument], item))
        yield Result(_in_message_order(pipeline, measured), faults)


def _in_message_order(pipeline: Pipeline, measured: list[MeasuredGroup]) -> list[bytes]:
    """Records by offset; those of several partitions one partition after the other."""
    measured = sorted(measured, key=attrgetter("partition"))  # the order in which encode() gives its batches, then
    places = [(group.partition, row.offset) for group in measured for row in group.rows]
    records = [value for _, batch in pipeline.encode(measured) for value in batch.values if value is not None]
    return [record for _, record in sorted(zip(places, records, strict=True), key=itemgetter(0))]
