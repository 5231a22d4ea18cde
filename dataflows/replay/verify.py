"""A replay held against the metrics topic: what the job wrote, read from where the replay's state was taken.

Owns the reading of written records, and the verdict in words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from confluent_kafka import Message

from connectors.broker import Broker
from connectors.journal_reader import journal_reader
from connectors.stretch import StretchReader
from connectors.tail import record_answers_to
from dataflows.job import numbers_settings, topic_names
from dataflows.replay.comparison import Comparison, Written
from dataflows.replay.ranges import ReplayError
from dataflows.replay.records import Record, Replay
from dataflows.replay.starts import Plan
from dataflows.settings import Settings

_READ_AT_ONCE: Final = 5000
_PATIENCE_S: Final = 2.0
"""How long to wait for the rest of a poll that the job is just writing."""


class WrittenRecords:
    """The records of a partition of the metrics topic from an offset on, to its end.

    Attributes:
        cut: whether records from there on were deleted.
        foreign: messages that are no records.
    """

    def __init__(self, reader: StretchReader, begin: int) -> None:
        self._reader = reader
        self._first, self._end = reader.offsets()
        # An end before the beginning: the topic was made anew.
        self._at = self._first if begin > self._end else max(begin, self._first)
        self.cut = begin < self._first
        self.foreign = 0
        self._lists = self._read()

    def more(self, *, patient: bool) -> list[Written] | None:
        """The next ones; None at the end, after a wait for more when ``patient``."""
        deadline = time.monotonic() + _PATIENCE_S
        while (found := next(self._lists, None)) is None:
            self._end = self._reader.offsets()[1]
            if self._at < self._end:
                self._lists = self._read()
            elif not patient or time.monotonic() > deadline:
                return None
            else:
                time.sleep(_PATIENCE_S / 20)
        return found

    def _read(self) -> Iterator[list[Written]]:
        for messages in self._reader.read(self._at, self._end, _READ_AT_ONCE):
            self._at = (messages[-1].offset() or 0) + 1
            yield [written for message in messages if (written := self._written(message)) is not None]
        self._at = self._end

    def _written(self, message: Message) -> Written | None:
        value = message.value() or b""
        try:
            answers_to = record_answers_to(value, None)
        except (ValueError, IndexError):
            self.foreign += 1
            return None
        record = Record(answers_to, message.key() or b"", value, message.timestamp()[1])
        return Written(message.offset() or 0, record)


class Verdict:
    """What came out of the comparison of one partition."""

    def __init__(self, plan: Plan, comparison: Comparison, foreign: int, notes: list[str], topic: str) -> None:
        counts = comparison.counts
        self.equal = comparison.differences == 0 and (counts["equal"] > 0 or not counts["not_yet"] + counts["deleted"])
        self._plan = plan
        self._comparison = comparison
        self._foreign = foreign
        self._notes = notes
        self._topic = topic

    def lines(self) -> Iterator[str]:
        """For a person: one line when all is well, else the first difference too."""
        counts, comparison = self._comparison.counts, self._comparison
        total = counts["equal"] + counts["different"] + counts["missing"]
        head = f"{self._plan.range}: "
        if self.equal:
            yield head + f"{counts['equal']:,} records are equal, byte for byte" + self._remarks()
            return
        parts = [f"{counts[kind]:,} {kind}" for kind in ("different", "missing", "unexpected") if counts[kind]]
        if comparison.first is None:
            yield head + "no record to compare with" + self._remarks()
            return
        yield head + f"{', '.join(parts)} of {total:,} records" + self._remarks()
        first, *more = comparison.first.lines(self._topic)
        yield f"the first: {first}"
        yield from more
        if counts["missing"] and comparison.reached < self._plan.range.end - 1:
            yield f"note: the newest record in {self._topic} is of raw offset {comparison.reached}; has the job got further yet?"
        yield from self._notes

    def _remarks(self) -> str:
        counts = self._comparison.counts
        remarks = [
            text
            for count, text in (
                (counts["copies"], "extra copies with equal bytes"),
                (counts["far_copies"], "extra copies too far behind to be compared"),
                (counts["not_yet"], "the job has not written yet"),
                (counts["deleted"], "deleted by the topic's retention"),
                (self._foreign, "messages there that are no records"),
            )
            if count
            for text in [f"{count:,} {text}"]
        ]
        return f" ({', '.join(remarks)})" if remarks else ""


def verify(
    broker: Broker, settings: Settings, replay: Replay, on_progress: Callable[[int], None] = lambda _: None
) -> Verdict:
    """Compare the records of a replay with those in the metrics topic.

    Raises:
        BrokerError: the broker did not answer, or has no such topic.
    """
    topic, plan = settings.metrics_topic, replay.plan
    partition = plan.range.partition
    if partition not in broker.partitions_of(topic):
        raise ReplayError(f"expected partition {partition} in topic {topic}, as in {settings.raw_topic}; it has none")
    with closing(StretchReader(broker, topic, partition)) as reader:
        written = WrittenRecords(reader, plan.start.metrics_offset)
        comparison = Comparison(plan.range, written, replay.instrument)
        for piece in replay.pieces(on_progress):
            comparison.feed(piece)
        comparison.finish()
    notes = [] if comparison.first is None else _notes(broker, settings, partition, comparison.first.offset)
    if written.cut and comparison.counts["missing"]:
        notes.append(f"note: the first records after {plan.start.how} are not in {topic} any more (retention)")
    return Verdict(plan, comparison, written.foreign, notes, topic)


def _notes(broker: Broker, settings: Settings, partition: int, offset: int) -> list[str]:
    """Whether the job ran with other settings there, as far as the journal knows."""
    topic = topic_names(settings).checkpoints
    if partition not in broker.topics().get(topic, ()):
        return []
    with journal_reader(broker, topic, partition) as journal:
        generation = journal.generation()
        then = None if generation is None else journal.settings_at(offset, generation)
    now = numbers_settings(settings)
    sets = [
        f"--set {name}={_said(value)}"
        for name, value in (then or {}).items()
        if value != now.get(name) and value is not None
    ]
    return (
        [f"note: the job ran there with other settings than this replay; compare with {' '.join(sets)}"] if sets else []
    )


def _said(value: object) -> str:
    """A setting's value as it is said on the command line."""
    return ",".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
