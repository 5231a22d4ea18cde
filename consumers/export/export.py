"""The export: stretches of the metrics topic into files, chunk by chunk, going on where an earlier run ended.

Owns the cuts: a chunk is ``file_offsets`` offsets of one partition, counted from offset 0, and has one file for each day
and instrument in it. Where a run begins or was killed moves no cut. The last chunk is open: a later run reads its files
back and goes on, so that the topic need not hold it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from connectors.broker import Broker, OffsetsLostError
from connectors.stretch import StretchReader
from consumers.export.errors import ExportError
from consumers.export.files import FileInfo, content, file_path, read_table, remove_strays, working_on, write_table
from consumers.export.manifest import Covered, Manifest, load
from consumers.export.table import Stored, schema, to_table

FILE_OFFSETS: Final = 200_000
_DAY_MS: Final = 86_400_000


class Stretch(NamedTuple):
    """What is asked for of a partition: offsets from ``begin`` to before ``end``.

    ``first`` is the first that the topic holds; ``begin`` is None to go on with what is exported, else from ``first``.
    """

    partition: int
    first: int
    begin: int | None
    end: int


class Export:
    """An export into one folder.

    Args:
        broker: where the topic is.
        topic: the metrics topic.
        folder: made when it is missing; what an earlier run exported is gone on with.
        file_offsets: of a partition in one file, at most.

    Attributes:
        manifest: what the folder holds.

    Raises:
        ExportError: from ``run``, when the folder or a record is not what it must be.
        BrokerError: from ``run``, when the broker does not answer or has lost what is next.
    """

    def __init__(self, broker: Broker, topic: str, folder: Path, file_offsets: int = FILE_OFFSETS) -> None:
        self._broker = broker
        self._topic = topic
        self._folder = folder
        self._columns = schema(topic)
        self.manifest = Manifest(topic, file_offsets)

    def run(self, stretches: Iterable[Stretch], on_progress: Callable[[int], None] = lambda _: None) -> int:
        """Export; ``on_progress`` is told how many offsets were dealt with. The number of records that are new."""
        with working_on(self._folder):
            self.manifest = manifest = load(self._folder, self._topic, self.manifest.file_offsets)
            before = manifest.records
            manifest.save(self._folder)  # before any other file: what a killed run leaves must be known for its own
            self._settle()
            done = 0
            for stretch in stretches:
                begin = self._begin(stretch)
                for at in self._partition(stretch.partition, begin, stretch.end):
                    on_progress(done + at - stretch.first)
                done += stretch.end - stretch.first
                on_progress(done)
            manifest.save(self._folder)
            return manifest.records - before

    def _settle(self) -> None:
        """Bring the folder to what its manifest says: a killed run may have written on in the open chunks."""
        manifest, folder = self.manifest, self._folder
        remove_strays(folder, set(manifest.files))
        for info in list(manifest.files.values()):
            path, covered = folder / info.path, manifest.partitions[info.partition]
            is_open = info.chunk == covered.end // manifest.file_offsets
            size = path.stat().st_size if path.is_file() else -1
            if size == info.bytes and (not is_open or content(path) == (info.bytes, info.sha256)):
                continue
            again = self._rewritten(info, covered.end) if is_open and size >= 0 else None
            if again != info:
                raise ExportError(
                    f"{path}: expected the file that the manifest tells of, received"
                    f" {'none' if size < 0 else 'another one'}; export into another folder"
                )

    def _rewritten(self, info: FileInfo, end: int) -> FileInfo:
        table = self._old_rows([info], end)
        return write_table(self._folder, info.path, table, info.partition, info.chunk)

    def _old_rows(self, infos: list[FileInfo], end: int) -> pa.Table:
        tables = [read_table(self._folder, info.path, self._columns) for info in infos]
        table = pa.concat_tables([self._columns.empty_table(), *tables])
        return table.filter(pc.less(table["kafka_offset"], end)).sort_by("kafka_offset")

    def _begin(self, stretch: Stretch) -> int:
        """Where reading begins, so that the folder covers one stretch of each partition, without a hole."""
        covered = self.manifest.partitions.get(stretch.partition)
        if covered is None:
            return stretch.first if stretch.begin is None else stretch.begin
        held = f"partition {stretch.partition}: {self._folder} holds offsets {covered.begin} .. {covered.end - 1}"
        if stretch.begin is not None and not covered.begin <= stretch.begin <= covered.end:
            raise ExportError(
                f"{held}; expected a range that begins there or next, received {stretch.begin}; export into another folder"
            )
        if covered.end < stretch.first:
            raise OffsetsLostError(
                f"{held}; expected offset {covered.end} next, received: the topic begins at {stretch.first}, what is"
                " between them is gone; export into another folder"
            )
        return covered.end

    def _partition(self, partition: int, begin: int, end: int) -> Iterator[int]:
        """Export chunk after chunk; the offsets that reading has come to."""
        manifest, size = self.manifest, self.manifest.file_offsets
        covered = manifest.partitions.setdefault(partition, Covered(begin, begin))
        with closing(StretchReader(self._broker, self._topic, partition)) as reader:
            at = begin
            while at < end:
                chunk, stop = at // size, min((at // size + 1) * size, end)
                tables = [self._old_rows(manifest.chunk(partition, chunk), at)]
                records = foreign = 0
                for messages in reader.read(at, stop):
                    table, others = to_table(map(_stored, messages), self._columns)
                    tables.append(table)
                    records, foreign = records + len(table), foreign + others
                    yield cast("int", messages[-1].offset()) + 1
                infos = self._write(pa.concat_tables(tables), partition, chunk) if records else None
                if infos is not None:
                    manifest.replace(partition, chunk, infos)
                covered.end = at = stop
                covered.records += records
                covered.not_records += foreign
                manifest.save(self._folder)

    def _write(self, table: pa.Table, partition: int, chunk: int) -> list[FileInfo]:
        begin = chunk * self.manifest.file_offsets
        return [
            write_table(self._folder, file_path(day, instrument, partition, begin), rows, partition, chunk)
            for day, instrument, rows in by_day_and_instrument(table)
        ]


def _stored(message: Message) -> Stored:
    return Stored(
        cast("int", message.partition()),
        cast("int", message.offset()),
        message.timestamp()[1],
        message.value(),
    )


def by_day_and_instrument(table: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    """The rows of each day (UTC, of the exchange's clock, else of the receiver's) and instrument, in their order."""
    received_ms = pc.divide(table["receive_time_ns"], 1_000_000)
    time_ms = pc.coalesce(table["event_time_ms"], received_ms, table["kafka_timestamp_ms"])
    days = np.floor_divide(time_ms.to_numpy(), _DAY_MS)
    names = pc.binary_join_element_wise(table["venue"], table["symbol"], ":").combine_chunks().dictionary_encode()
    codes, names = names.indices.to_numpy(), names.dictionary.to_pylist()
    for day in np.unique(days):
        for code in np.unique(codes[days == day]):
            rows = np.flatnonzero((days == day) & (codes == code))
            yield str(np.datetime64(int(day), "D")), names[code], table.take(pa.array(rows))
