"""What a journal says: the newest checkpoint before an offset, how a generation began, and who writes a partition now.

Owns the search. Headers rise from message to message, so it goes by halves; what it finds is checked, so that a journal
with something odd in it costs a later answer (an older checkpoint), never a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, Final, NamedTuple, cast

import orjson
from confluent_kafka import Message

from connectors.broker import Broker
from connectors.journal import CHECKPOINT, GENERATION, KIND, POSITION, START, STATE, WRITER, Checkpoint, Standing, Start
from connectors.raw import Headers
from connectors.stretch import StretchReader, flat

_FEW: Final = 8
_CHUNK: Final = 512
"""Messages read at once on the way back to the end of a checkpoint, at first and at most."""

_TAIL: Final = 64
"""Messages at the end that are asked for the newest generation."""


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

    def __init__(self, reader: StretchReader) -> None:
        self._reader = reader
        self._first, self._end = reader.offsets()

    def generation(self) -> int | None:
        """The newest generation; None when the journal says nothing.

        A process of the one before may have written a little behind the new one's start.
        """
        return max((entry.generation for entry in islice(self._back(self._end), _TAIL)), default=None)

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

    def checkpoints_from(self, position: int, generation: int) -> Iterator[Checkpoint]:
        """The whole checkpoints of a generation at a raw offset or behind, in their order."""
        at = self._behind((generation, position - 1))
        while at < self._end:
            for entry in self._read(at, min(at + _CHUNK, self._end)):
                if entry.generation > generation:
                    return
                is_one = entry.kind == CHECKPOINT and entry.place >= (generation, position)
                if is_one and (found := self._whole(entry)) is not None:
                    yield found
            at += _CHUNK

    def settings_at(self, position: int, generation: int) -> Mapping[str, Any] | None:
        """The settings of the process that measured the raw message at an offset; None when the journal does not say."""
        for entry in self._back(self._behind((generation, position))):
            if entry.generation < generation:
                return None
            if entry.kind in {START, CHECKPOINT}:
                settings: Mapping[str, Any] = _told(entry)["settings"]
                return settings
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
            entry = self._first_of_ours(middle, high)
            if entry is None or entry.place > bound:  # what lies between the middle and the entry is foreign
                high = middle
            else:
                low = entry.offset + 1
        return low

    def _first_of_ours(self, begin: int, end: int) -> _Entry | None:
        entries = map(_entry, flat(self._reader.read(begin, end, 1)))
        return next((entry for entry in entries if entry is not None), None)

    def _back(self, end: int) -> Iterator[_Entry]:
        """Messages before offset ``end``, the last one first; states may be large, so a few to begin with."""
        count = _FEW
        while end > self._first:
            begin = max(self._first, end - count)
            yield from reversed(self._read(begin, end))
            end, count = begin, min(2 * count, _CHUNK)

    def _whole(self, end: _Entry) -> Checkpoint | None:
        """The checkpoint that a message ends, when all its states are there."""
        told = _told(end)
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
        """The messages of ours at offsets from ``begin`` to before ``end``."""
        entries = map(_entry, flat(self._reader.read(begin, end, _CHUNK)))
        return [entry for entry in entries if entry is not None]


@contextmanager
def journal_reader(broker: Broker, topic: str, partition: int) -> Iterator[JournalReader]:
    """A reader of one partition, open meanwhile.

    Raises:
        BrokerError: from here and from all questions, when the broker does not answer.
    """
    with closing(StretchReader(broker, topic, partition)) as reader:
        yield JournalReader(reader)


def _entry(message: Message) -> _Entry | None:
    """A message of ours; None for a foreign one."""
    headers = dict(cast("Headers", message.headers() or []))
    try:
        entry = _Entry(
            cast("int", message.offset()),
            headers[KIND],
            int(headers[GENERATION]),
            int(headers[POSITION]),
            headers[WRITER],
            message.key() or b"",
            message.value() or b"",
        )
        if entry.kind != STATE:
            _told(entry)
    except (KeyError, ValueError):
        return None
    return entry


def _told(entry: _Entry) -> dict[str, Any]:
    """What a start or the end of a checkpoint tells."""
    told: dict[str, Any] = orjson.loads(entry.value)
    return told


def _standing(told: dict[str, Any]) -> Standing:
    return Standing(*(int(told[name]) for name in Standing._fields))


def _start(entry: _Entry) -> Start:
    told = _told(entry)
    return Start(_standing(told), told["shard"], told["settings"], told["fresh"])
