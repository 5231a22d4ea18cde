"""The records of a range of raw messages, computed again: the same steps, from the state exactly before it.

Owns the recomputation of one partition: what comes before the range is read for its memory alone; the records of the range
come in the order of their messages, whatever was read at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from operator import itemgetter
from typing import Final, NamedTuple, cast

from connectors.broker import Broker
from connectors.decoded import BookGroups, Lot
from connectors.outgoing import OutBatch
from connectors.polled import raw_batch
from connectors.raw import Fault, Headers, RawBatch
from connectors.stretch import StretchReader, flat
from connectors.tail import fault_answers_to
from dataflows.batches import places
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.memories import Bucket
from dataflows.pipeline import AnyMeasured
from dataflows.replay.starts import Plan
from dataflows.settings import Settings
from dataflows.shelf import InstrumentState, Shelf

READ_AT_ONCE: Final = 2000

SLACK: Final = 150_000
"""Raw offsets by which what a job writes may be out of order: more than its largest ``batch_size`` (100 000)."""

_MOVED: Final = b"partition_moved"


class Record(NamedTuple):
    """One record as it is to be written: ``offset`` of the raw message that caused it, and the message."""

    offset: int
    key: bytes
    value: bytes
    timestamp_ms: int


class Piece(NamedTuple):
    """The records of the messages before offset ``end`` that were in no piece before."""

    end: int
    records: list[Record]


class Replay:
    """Recomputes one range.

    Args:
        broker: where.
        settings: of the replay.
        plan: the range, and where to begin.
        instrument: whose records are wanted; None: all.

    Attributes:
        plan: as given.
        instrument: as given.
        counts: of the range alone.
        instruments: that are in the range, wanted or not.
    """

    def __init__(self, broker: Broker, settings: Settings, plan: Plan, instrument: str | None = None) -> None:
        self.counts = Counts()
        self.instruments: set[str] = set()
        self._broker = broker
        self._settings = settings
        self.plan = plan
        self.instrument = instrument
        self._pipeline = pipeline_of(settings, Counts())
        partition, states = plan.range.partition, plan.start.states
        shelf = Shelf(InstrumentState(name, partition, state) for name, state in states.items())
        self._bucket = Bucket(self._pipeline, shelf)

    def pieces(self, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Piece]:
        """The records, piece by piece; ``on_progress`` is told the offset that reading has come to.

        Raises:
            BrokerError: the broker did not answer, or messages were deleted meanwhile.
        """
        (partition, begin, end, *_), start = self.plan.range, self.plan.start
        moved = self._moved()
        with closing(StretchReader(self._broker, self._settings.raw_topic, partition)) as reader:
            for raw in self._read(reader, start.position, begin, on_progress):
                self._measure(raw)
            self._pipeline.counts = self.counts
            self.instruments.clear()
            for raw in self._read(reader, begin, end, on_progress):
                yield Piece(raw.offsets[-1] + 1, self._records(self._measure(raw), moved))

    def _read(
        self, reader: StretchReader, begin: int, end: int, on_progress: Callable[[int], None]
    ) -> Iterator[RawBatch]:
        for messages in reader.read(begin, end, READ_AT_ONCE):
            raw = raw_batch(self._settings.raw_topic, messages)
            yield raw
            on_progress(raw.offsets[-1] + 1)

    def _measure(self, raw: RawBatch) -> list[AnyMeasured]:
        lot = Lot([])
        for item in self._pipeline.decode([raw]):
            if isinstance(item, BookGroups):
                lot.items.append(self._wanted(item))
            elif not isinstance(item, Fault):
                self.instruments.add(item.instrument)
                if self.instrument in {None, item.instrument}:
                    lot.items.append(item)
        return [item for item in self._bucket.measure(lot) if not isinstance(item, Fault)]

    def _wanted(self, books: BookGroups) -> BookGroups:
        names = books.columns.names
        self.instruments.update(names[number][0] for number in books.numbers)
        wanted = [number for number in books.numbers if self.instrument in {None, names[number][0]}]
        return BookGroups(books.share, books.columns, wanted, books.origin)

    def _records(self, measured: list[AnyMeasured], moved: Collection[int]) -> list[Record]:
        """In the order of their messages."""
        offsets = [offset for _, offset in places(measured)]
        found = []
        for _, batch in self._pipeline.encode(measured):
            columns = zip(offsets, batch.keys, batch.values, batch.timestamps_ms, strict=True)
            found += [Record(*cast("tuple[int, bytes, bytes, int]", column)) for column in columns]
        if moved:
            found = [record for record in found if record.offset not in moved]
        return sorted(found, key=itemgetter(0))

    def _moved(self) -> set[int]:
        """Raw offsets of messages that the job found in a partition where their instrument does not live.

        Which one that is shows in all partitions together only; what the job decided is in the faults topic.
        """
        topic, range_ = self._settings.faults_topic, self.plan.range
        if range_.partition not in self._broker.topics().get(topic, ()):
            return set()
        found = set()
        with closing(StretchReader(self._broker, topic, range_.partition)) as reader:
            first, end = reader.offsets()
            for message in flat(reader.read(max(first, self.plan.start.faults_offset), end)):
                offset, reason = _fault(cast("Headers", message.headers() or []))
                if reason == _MOVED:
                    found.add(offset)
                if offset > range_.end + SLACK:
                    break
        return found


def _fault(headers: Headers) -> tuple[int, bytes | None]:
    """The raw offset of a message in the faults topic, and its reason; -1 and None of a foreign one."""
    try:
        return fault_answers_to(None, headers), dict(headers).get("obi.reason")
    except (KeyError, ValueError):
        return -1, None


def as_batch(partition: int, records: list[Record]) -> OutBatch:
    """Records as messages to be written."""
    return OutBatch(
        partition,
        [record.key for record in records],
        [record.value for record in records],
        [record.timestamp_ms for record in records],
    )
