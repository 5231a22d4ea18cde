"""The steps between source and sinks as plain functions of batches: decode, measure, encode.

Owns their composition, without Bytewax and Kafka: the graph (``dataflows.graph``) gives each step a node, and
``measure_batches`` runs the same steps over recordings. What flows between them is batches of one instrument or one
partition, never single messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, repeat
from operator import attrgetter, itemgetter
from time import perf_counter
from typing import Final, NamedTuple

from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.encode import RecordEncoder
from connectors.encode_form import texts_of_all
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
from dataflows.counts import Counts
from orderbook.groups import measure_groups
from orderbook.measurer import Measured, Measurer
from orderbook.metrics import Block
from orderbook.ofi import Carried
from orderbook.presets import MeasureConfig, contract_size
from orderbook.rows import Row

_PARTITION: Final = attrgetter("partition")
_ROWS: Final = attrgetter("rows")
_STATE: Final = attrgetter("state")
_new_tuple: Final = tuple.__new__
_TIMESTAMP: Final = attrgetter("timestamp_ms")


class MeasuredGroup(NamedTuple):
    """One instrument's part of a poll, measured; its stateless metrics will be made of the levels that come with the rows."""

    instrument: str
    topic: str
    partition: int
    rows: list[Row]
    books: Block
    before: list[int]
    carried: Carried
    contract_size: float | None


class Pipeline:
    """The steps, with what they need to know and where they count."""

    def __init__(self, decoder: Decoder, config: MeasureConfig, counts: Counts) -> None:
        self._decoder = decoder
        self._records = RecordEncoder()
        self.config = config
        self.counts = counts
        self._contract_sizes: dict[str, float | None] = {}

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
        counts, start = self.counts, perf_counter()
        size = self._contract_size(group.instrument)
        measured: Measured = measurer.feed(group.events, group.levels, size)
        # Thousands of groups may be measured in a poll: each of these would cost as much as measuring a message.
        if measured.ignored:
            counts.ignored.update(measured.ignored)
        if measured.notices:
            counts.notices.update(measured.notices)
        if measured.audits or measured.quotes.checks:
            counts.evidence.add(group.instrument, measured)
        counts.seconds["measure"] += perf_counter() - start
        place = (group.instrument, group.origin.topic, group.partition)
        return _new_tuple(MeasuredGroup, place + measured[:4] + (size,))  # half the price of unpacking

    def _contract_size(self, instrument: str) -> float | None:
        sizes = self._contract_sizes
        if instrument not in sizes:
            sizes[instrument] = contract_size(instrument, self.config.contract_sizes)
        return sizes[instrument]

    def encode(self, measured: Iterable[MeasuredGroup]) -> list[tuple[str, OutBatch]]:
        """Rows to finished records, keyed by the partition that they go to.

        The stateless metrics of all instruments are computed at once: a poll of 500 instruments costs little more than
        one of 1.
        """
        with self.counts.stage("encode"):
            groups = sorted(filter(_ROWS, measured), key=_PARTITION)
            if not groups:
                return []
            # Column by column: one instrument's part of a poll may be a single row.
            instruments, topics, partitions, rows_of, books, before, carried, sizes = zip(*groups, strict=True)
            counts = list(map(len, rows_of))
            rows = list(chain.from_iterable(rows_of))
            metrics = measure_groups(
                books, bytes(map(_STATE, rows)), self.config, before, carried, contract_sizes=sizes
            )
            values = self._records.encode(rows, metrics, counts, texts_of_all(instruments, topics, partitions))
            keys = list(chain.from_iterable(map(repeat, map(str.encode, instruments), counts)))
            timestamps_ms = list(map(_TIMESTAMP, rows))
            self.counts.records += len(rows)
            out, start = [], 0
            for partition, end in dict(zip(partitions, accumulate(counts), strict=True)).items():
                part = slice(start, end)
                batch = OutBatch(partition, [*keys[part]], [*values[part]], timestamps_ms[part])
                out.append((partition_key(partition), batch))
                start = end
            return out


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
    measured = sorted(measured, key=_PARTITION)  # the order in which encode() gives its batches, then
    places = [(group.partition, row.offset) for group in measured for row in group.rows]
    records = [value for _, batch in pipeline.encode(measured) for value in batch.values if value is not None]
    return [record for _, record in sorted(zip(places, records, strict=True), key=itemgetter(0))]
