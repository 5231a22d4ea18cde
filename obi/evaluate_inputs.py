"""What an evaluation reads: recordings, exported files, or a range of the metrics topic with the trades behind it.

Owns the way from each of them to series of records, and the words for what each of them can't give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import Message

from connectors.broker import Broker, BrokerError
from connectors.polled import raw_batch
from connectors.raw import RawBatch
from connectors.stretch import StretchReader, flat
from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.executions import Executions
from consumers.evaluation.series import Series, SeriesBuilder
from consumers.evaluation.slippage import Execution
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.replay.ranges import Wanted, find_ranges
from dataflows.settings import Settings
from obi.connecting import connect
from obi.extras import extra
from obi.recordings import TrackedReader, open_recordings
from obi.screen import Advance, number, progress
from orderbook.record import SCHEMA

_NO_WINDOWS: Final = (
    "delta windows are compared from recordings only; for a topic measure it again, as in\n"
    "  obi replay --set delta_volume_window=50 --to-topic w50 && obi evaluate --metrics-topic w50"
)
_NEEDED: Final = frozenset({"schema", "venue", "symbol", "seq", "state", "source"})
_NO_TRADES: Final = "what takers paid needs trades: "


@dataclass
class Material:
    """What was read."""

    series: list[Series]
    windows: dict[int, list[Series]] = field(default_factory=dict)
    executions: Mapping[str, Sequence[Execution]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Where to read, and what of it.

    Attributes:
        settings: how recordings are measured; where topics are.
        paths: recordings, or exported folders and files; none: the metrics topic.
        venue: of recordings whose name does not tell.
        wanted: the range of the topic.
        windows: lengths of the delta window to measure recordings with.
        instrument: the one that is wanted; None: all.
    """

    settings: Settings
    paths: Sequence[Path]
    venue: str | None
    wanted: Wanted
    windows: tuple[int, ...] = ()
    instrument: str | None = None

    def read(self) -> Material:
        """Read all of it.

        Raises:
            EvaluationError: it is not what was expected, or the instrument is not in it.
            RecordingError: a recording can't be read.
            BrokerError: the broker does not answer.
        """
        stored = [path for path in self.paths if path.is_dir() or path.suffix == ".parquet"]
        if stored and len(stored) < len(self.paths):
            raise EvaluationError("expected recordings, or what obi export wrote, received both")
        if not self.paths:
            material = self._topic()
        elif stored:
            with extra("export"):
                from consumers.evaluation.parquet import parquet_series  # noqa: PLC0415  (its library is an extra)
            notes = [_NO_WINDOWS] if self.windows else []
            material = Material(parquet_series(stored), notes=[*notes, _NO_TRADES + "exported records have none"])
        else:
            material = self._recordings()
        if self.instrument is not None:
            self._keep(material)
        return material

    def _keep(self, material: Material) -> None:
        there = [one.instrument for one in material.series]
        if self.instrument not in there:
            raise EvaluationError(
                f"--instrument: expected one that has records there, received {self.instrument}; there are"
                f" {', '.join(there) or 'none'}"
            )
        material.series = [one for one in material.series if one.instrument == self.instrument]
        for window, series in material.windows.items():
            material.windows[window] = [one for one in series if one.instrument == self.instrument]

    def _recordings(self) -> Material:
        own = self.settings.delta_volume_window
        lengths = [own, *(window for window in self.windows if window != own)]
        executions = Executions()
        measured: dict[int, list[Series]] = {}
        for at, window in enumerate(lengths):
            builder = SeriesBuilder()
            for record in self._measured(window, None if at else executions):
                builder.add(record)
            measured[window] = builder.build()
        notes = [] if executions.found else [_NO_TRADES + "the recording has none"]
        windows = {window: measured[window] for window in self.windows}
        return Material(measured[own], windows, executions.found, notes)

    def _measured(self, window: int, executions: Executions | None) -> Iterator[Mapping[str, Any]]:
        settings = self.settings.model_copy(update={"delta_volume_window": window})
        readers = open_recordings(self.paths, venue=self.venue, symbol=None, default_venue=settings.default_venue)
        pipeline = pipeline_of(settings, Counts())
        total = sum(reader.size for reader in readers) or None
        with progress(f"measuring, delta window {window}", total) as advance:
            for result in measure_batches(pipeline, _batches(readers, executions, advance)):
                yield from map(orjson.loads, result.records)

    def _topic(self) -> Material:
        settings = self.settings
        broker = connect(settings)
        ranges = find_ranges(broker, settings.metrics_topic, self.wanted)
        total = sum(each.end - each.begin for each in ranges)
        builder, sources = SeriesBuilder(), _Sources()
        read = 0
        with progress("reading records", total) as advance:
            for each in ranges:
                with closing(StretchReader(broker, settings.metrics_topic, each.partition)) as reader:
                    for message in flat(reader.read(each.begin, each.end)):
                        if (record := _record(message)) is not None:
                            builder.add(record)
                            sources.add(record)
                        read += 1
                        advance(read, f"{number(read)} of {number(total)} messages")
        notes = [_NO_WINDOWS] if self.windows else []
        executions, why = _trades(broker, sources)
        return Material(builder.build(), {}, executions, notes if why is None else [*notes, _NO_TRADES + why])


class _Sources:
    """First and last raw offset that the records answer to, by topic and partition."""

    def __init__(self) -> None:
        self.spans: dict[tuple[str, int], tuple[int, int]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        source = record["source"]
        place, offset = (source["topic"], source["partition"]), source["offset"]
        first, last = self.spans.get(place, (offset, offset))
        self.spans[place] = min(first, offset), max(last, offset)


def _record(message: Message) -> Mapping[str, Any] | None:
    """The record; None of a message that is none."""
    try:
        record = orjson.loads(message.value() or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or not record.keys() >= _NEEDED:
        return None
    if record["schema"] != SCHEMA:
        raise EvaluationError(
            f"partition {message.partition()}, offset {message.offset()}: expected a record of schema {SCHEMA}, received"
            f" schema {record['schema']!r}; evaluate it with the version of obi that wrote it"
        )
    return record


def _batches(readers: list[TrackedReader], executions: Executions | None, advance: Advance) -> Iterator[RawBatch]:
    before = messages = 0
    for reader in readers:
        for batch in reader.batches():
            if executions is not None:
                executions.take(batch)
            yield batch
            messages += len(batch)
            advance(before + reader.position, f"{number(messages)} messages")
        before += reader.size


def _trades(broker: Broker, sources: _Sources) -> tuple[Mapping[str, Sequence[Execution]], str | None]:
    """Trades among the raw messages that the records come from; and why there are none."""
    executions = Executions()
    there = broker.topics()
    total = sum(last + 1 - first for first, last in sources.spans.values())
    read = 0
    try:
        with progress("reading trades", total) as advance:
            for (topic, partition), (first, last) in sources.spans.items():
                if partition not in there.get(topic, ()):
                    return {}, f"the raw topic {topic} is not there"
                with closing(StretchReader(broker, topic, partition)) as reader:
                    begin = max(first, reader.offsets()[0])
                    for messages in reader.read(begin, min(last + 1, reader.offsets()[1])):
                        executions.take(raw_batch(topic, messages))
                        read += len(messages)
                        advance(read, f"{number(read)} of {number(total)} messages")
    except BrokerError as error:
        return {}, str(error)
    return executions.found, None if executions.found else "the raw topic has none"
