"""What a journal says: the newest checkpoint before an offset, how a generation began, and who writes a partition now.

Owns the search. Headers rise from message to message, so it goes by halves; what it finds is checked, so that a journal
with something odd in it costs a later answer (an older checkpoint), never a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast

import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from connectors.broker import REQUEST_S, Broker, BrokerError
from connectors.journal import CHECKPOINT, GENERATION, KIND, POSITION, START, STATE, WRITER, Checkpoint, Standing, Start

_CHUNK: Final = 500
"""Messages read at once on the way back to the end of a checkpoint."""

_CONSUMER: Final = {"enable.auto.commit": False, "auto.offset.reset": "error"}
_CONSUMER_DEFAULTS: Final = {"group.id": "obi", "fetch.wait.max.ms": 20}


class _Entry(NamedTuple):
    """One message, its headers read."""

    offset: int
    kind: bytes
    generation: int
    position: int
    writer: bytes
    key: bytes
    value: bytes

    @property
    def place(self) -> tuple[int, int]:
        """What the journal is ordered by."""
        return self.generation, self.position


class JournalReader:
    """Questions to one partition of a journal, as it is when this is made."""

    def __init__(self, broker: Broker, topic: str, partition: int, consumer: Consumer) -> None:
        self._broker = broker
        self._topic = topic
        self._partition = partition
        self._consumer = consumer
        self._first, self._end = broker.offsets(topic, [partition])[partition]

    def generation(self) -> int | None:
        """The newest generation; None when the journal says nothing."""
        entry = next(self._back(self._end), None)
        return None if entry is None else entry.generation

    def beginning(self, generation: int) -> Start | None:
        """How a generation began, with no memory; None when the journal does not have it (any more)."""
        at = self._behind((generation, -1))
        while at < self._end:
            for entry in self._read(at, min(at + _CHUNK, self._end)):
                if entry.generation > generation:
                    return None
                if entry.kind == START and entry.generation == generation:
                    start = _start(entry)
                    return start if start.fresh else None
            at += _CHUNK
        return None

    def checkpoint(self, position: int | None = None, generation: int | None = None) -> Checkpoint | None:
        """The newest whole checkpoint at or before a raw offset (None: of all), of a generation (None: the newest)."""
        generation = self.generation() if generation is None else generation
        if generation is None:
            return None
        bound = (generation, 1 << 63 if position is None else position)
        for entry in self._back(self._behind(bound)):
            if entry.generation < generation:
                return None
            if entry.kind == CHECKPOINT and entry.place <= bound and (found := self._whole(entry)) is not None:
                return found
        return None

    def starts_behind(self, offset: int) -> list[Start]:
        """Who began to write after the message at ``offset`` of the journal."""
        entries = self._read(max(offset + 1, self._first), self._end)
        return [_start(entry) for entry in entries if entry.kind == START]

    def _behind(self, bound: tuple[int, int]) -> int:
        """The offset behind the last message that does not come after ``bound``."""
        low, high = self._first, self._end
        while low < high:
            middle = (low + high) // 2
            entry = next(iter(self._read(middle, middle + 1)), None)
            if entry is None or entry.place <= bound:
                low = middle + 1
            else:
                high = middle
        return low

    def _back(self, end: int) -> Iterator[_Entry]:
        """Messages before offset ``end``, the last one first."""
        while end > self._first:
            begin = max(self._first, end - _CHUNK)
            yield from reversed(self._read(begin, end))
            end = begin

    def _whole(self, end: _Entry) -> Checkpoint | None:
        """The checkpoint that a message ends, when all its states are there."""
        told = orjson.loads(end.value)
        count = told["states"]
        begin = end.offset - count
        if begin < self._first:
            return None
        states = self._read(begin, end.offset)
        same = (STATE, end.place, end.writer)
        if len(states) != count or any((s.kind, s.place, s.writer) != same for s in states):
            return None
        return Checkpoint(_standing(told), told["settings"], {s.key.decode(): s.value for s in states})

    def _read(self, begin: int, end: int) -> list[_Entry]:
        """The messages at offsets from ``begin`` to before ``end``."""
        entries: list[_Entry] = []
        if begin >= end:
            return entries
        try:
            self._consumer.assign([TopicPartition(self._topic, self._partition, begin)])
            at = begin
            while at < end:
                messages = self._consumer.consume(min(end - at, _CHUNK), REQUEST_S)
                self._check(messages)
                entries += [entry for entry in map(_entry, messages) if entry is not None and entry.offset < end]
                at = cast("int", messages[-1].offset()) + 1
        except KafkaException as error:
            raise self._broker.failed(f"the journal {self._topic}", error) from error
        return entries

    def _check(self, messages: list[Message]) -> None:
        errors = [error.str() for message in messages if (error := message.error()) is not None]
        if errors or not messages:
            received = errors[0] if errors else "no answer"
            raise BrokerError(
                f"expected partition {self._partition} of the journal {self._topic}, received: {received}"
            )


@contextmanager
def journal_reader(broker: Broker, topic: str, partition: int) -> Iterator[JournalReader]:
    """A reader of one partition, open meanwhile.

    Raises:
        BrokerError: from here and from all questions, when the broker does not answer.
    """
    consumer = Consumer(broker.config(_CONSUMER, _CONSUMER_DEFAULTS))
    try:
        yield JournalReader(broker, topic, partition, consumer)
    finally:
        consumer.close()


def _entry(message: Message) -> _Entry | None:
    """A message of ours; None for a foreign one."""
    headers = dict(cast("list[tuple[str, bytes]]", message.headers() or []))
    try:
        return _Entry(
            cast("int", message.offset()),
            headers[KIND],
            int(headers[GENERATION]),
            int(headers[POSITION]),
            headers[WRITER],
            message.key() or b"",
            message.value() or b"",
        )
    except (KeyError, ValueError):
        return None


def _standing(told: dict[str, Any]) -> Standing:
    return Standing(*(int(told[name]) for name in Standing._fields))


def _start(entry: _Entry) -> Start:
    told = orjson.loads(entry.value)
    return Start(_standing(told), told["shard"], told["settings"], told["fresh"])
