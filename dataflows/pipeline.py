"""The steps between source and sinks as plain functions of batches: decode, measure, encode.

Owns their composition, without Bytewax and Kafka: the graph (``dataflows.graph``) gives each step a node, and
``dataflows.batches`` runs the same steps over recordings. What flows between them is batches of instruments or partitions,
never single messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from operator import attrgetter, itemgetter
from time import perf_counter
from typing import Final, NamedTuple, TypeAlias

from connectors.decode import Decoder
from connectors.decoded import BookGroups, Group
from connectors.encode import RecordEncoder
from connectors.encode_form import Texts, remembered
from connectors.outgoing import ByPartition, Columns, OutBatch
from connectors.raw import Fault, RawBatch
from dataflows.counts import Counts
from orderbook.cells import Rows, join
from orderbook.groups import measure_groups
from orderbook.measurer import Measured, Measurer
from orderbook.meters import Lanes, new_meter
from orderbook.metrics import Block
from orderbook.ofi import Carried
from orderbook.presets import MeasureConfig, contract_size
from orderbook.rows import Row

_ROWS: Final = attrgetter("rows")
_STATE: Final = attrgetter("state")
_new_tuple: Final = tuple.__new__
_first: Final = itemgetter(0)
_partition: Final = itemgetter(1)


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


class MeasuredLot(NamedTuple):
    """A part of a poll, measured with its stateless metrics: instruments that were told nothing but partial books.

    ``partitions`` and ``texts`` are those of the instruments, ``counts`` how many rows each has, those of one after those of
    another.
    """

    partitions: list[int]
    texts: list[Texts]
    counts: list[int]
    rows: Rows


AnyMeasured: TypeAlias = "MeasuredGroup | MeasuredLot"


class _Ready(NamedTuple):
    """What the encoder is told of some instruments."""

    rows: Rows
    row: int
    counts: list[int]
    texts: list[Texts]
    into: list[Columns]

    def run(self, begin: int, count: int, row: int) -> _Ready:
        """Some of them, whose first row that is."""
        run = slice(begin, begin + count)
        return _Ready(self.rows, row, self.counts[run], self.texts[run], self.into[run])


class Pipeline:
    """The steps, with what they need to know and where they count."""

    def __init__(
        self, decoder: Decoder, config: MeasureConfig, counts: Counts, records: RecordEncoder | None = None
    ) -> None:
        self._decoder = decoder
        self._meter = new_meter(config)
        self._records = records if records is not None else RecordEncoder()
        self.config = config
        self.counts = counts
        self._contract_sizes: dict[str, float | None] = {}

    def decode(self, raws: Iterable[RawBatch]) -> list[Group | BookGroups | Fault]:
        """Raw batches to groups by instrument, and faults."""
        out: list[Group | BookGroups | Fault] = []
        counts = self.counts
        with counts.stage("decode"):
            for raw in raws:
                decoded = self._decoder.decode(raw)
                counts.messages += len(raw)
                counts.faults.update(fault.reason for fault in decoded.faults)
                counts.notices.update(fault.reason for fault in raw.lost)
                out += raw.lost
                out += decoded.groups
                out += decoded.books
                out += decoded.faults
        return out

    def measure_books(self, books: BookGroups, lanes: Lanes) -> tuple[MeasuredLot | None, list[int]]:
        """Partial books of many instruments to the rows of their records; None: there are none.

        The marks of the lanes are the texts of their instruments (``connectors.encode_form.Texts``).
        Also gives the numbers of the groups that are in no lane, which nothing was done with.
        """
        counts, start = self.counts, perf_counter()
        if self._meter is None:
            return None, books.numbers
        metered = self._meter.measure(books.columns, books.numbers, lanes)
        if metered.stale:
            counts.ignored["stale"] += metered.stale
        if metered.notices:
            counts.notices.update(metered.notices)
        counts.seconds["measure"] += perf_counter() - start
        if not metered.counts:
            return None, metered.rest
        # Of a small poll each lot is a row or two: a constructor is felt.
        lot = _new_tuple(MeasuredLot, (metered.partitions, metered.marks, metered.counts, metered.rows))
        return lot, metered.rest

    def measure(self, measurer: Measurer, group: Group) -> MeasuredGroup:
        """One instrument's events to the rows of its records."""
        counts, start = self.counts, perf_counter()
        size = self.contract_size(group.instrument)
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

    def contract_size(self, instrument: str) -> float | None:
        """Value of one contract; None where quantities are base units."""
        sizes = self._contract_sizes
        if instrument not in sizes:
            sizes[instrument] = contract_size(instrument, self.config.contract_sizes)
        return sizes[instrument]

    def encode(self, measured: Iterable[AnyMeasured]) -> list[tuple[str, OutBatch]]:
        """Rows to finished records, keyed by the partition that they go to; those of a partition in the order given.

        The stateless metrics of all groups are computed at once: a poll of 500 instruments costs little more than one of 1.
        """
        with self.counts.stage("encode"):
            items, out = list(filter(_ROWS, measured)), ByPartition()
            groups = [item for item in items if type(item) is MeasuredGroup]
            of_groups = self._of_groups(groups, out) if groups else None
            group = row = 0
            # Lots and groups in their turn: an instrument may have been in a lot before it was in a group.
            for lots, some in _runs(items):
                if lots:
                    self._write(_of_lots(lots, out))
                if some and of_groups is not None:
                    self._write(run := of_groups.run(group, some, row))
                    group, row = group + some, row + sum(run.counts)
            return [(partition_key(batch.partition), batch) for batch in out.batches()]

    def _of_groups(self, groups: list[MeasuredGroup], out: ByPartition) -> _Ready:
        """The rows of some groups, with their stateless metrics."""
        # Column by column: one instrument's part of a poll may be a single row.
        instruments, topics, partitions, rows_of, books, before, carried, sizes = zip(*groups, strict=True)
        rows = list(chain.from_iterable(rows_of))
        metrics = measure_groups(books, bytes(map(_STATE, rows)), self.config, before, carried, contract_sizes=sizes)
        names = zip(instruments, partitions, strict=True)
        texts = [remembered(topic)[name] for topic, name in zip(topics, names, strict=True)]
        into = list(map(out.__getitem__, partitions))
        return _Ready(self._records.rows(rows, metrics), 0, list(map(len, rows_of)), texts, into)

    def _write(self, ready: _Ready) -> None:
        self._records.encode(*ready)
        self.counts.records += sum(ready.counts)


def _runs(items: list[AnyMeasured]) -> Iterator[tuple[list[MeasuredLot], int]]:
    """Some lots, and how many groups stand behind them; again and again."""
    lots: list[MeasuredLot] = []
    count = 0
    for item in items:
        if not isinstance(item, MeasuredLot):
            count += 1
            continue
        if count:
            yield lots, count
            lots, count = [], 0
        lots.append(item)
    yield lots, count


def _of_lots(lots: list[MeasuredLot], out: ByPartition) -> _Ready:
    """Joined: of a small poll each lot is a row or two, and encoding them one by one costs more than the rows."""
    for lot in lots:
        if sum(lot.counts) != len(lot.rows):
            raise ValueError(f"expected a lot of {len(lot.rows)} rows, received counts of {sum(lot.counts)}")
    partitions, texts, counts, rows = lots[0]
    if len(lots) > 1:
        partitions, texts, counts = ([*chain.from_iterable(column)] for column in islice(zip(*lots, strict=True), 3))
        rows = join([lot.rows for lot in lots])
    return _Ready(rows, 0, counts, texts, list(map(out.__getitem__, partitions)))


def partition_key(partition: int) -> str:
    """Key of a partition's items and name of its sink part; padded, because Bytewax sorts part names as text."""
    return f"{partition:05d}"
