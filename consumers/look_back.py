"""Where to begin to read the metrics topic so that each instrument is known well enough, and no further back.

Owns the search: records of one partition are looked at from the end backwards, twice as far each time, until every
instrument that was met has enough of them and the further half has brought no new one. Only keys are looked at: they name
the instrument, and no record is parsed for that.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple, TypeAlias

from connectors.broker import Broker
from connectors.stretch import StretchReader, flat
from consumers.topic_tail import Stretches, partitions

_FIRST_LOOK: Final = 1_000

_Met: TypeAlias = dict[bytes | None, deque[int]]
"""Offsets of the newest records of each instrument, oldest first, at most as many as are wanted."""


class LookBack(NamedTuple):
    """How far.

    Attributes:
        records: That are wanted of each instrument.
        most: Messages of one partition that are read back at most, whatever is missing then.
    """

    records: int
    most: int

    def stretches(self, broker: Broker, topic: str) -> Stretches:
        """The stretch of each partition, to its end as it is now.

        Raises:
            TopicMissingError: There is no such topic.
            BrokerError: The broker does not answer.
        """
        found = {}
        for part, reader, first, end in partitions(broker, topic):
            floor = max(first, end - self.most)
            # What is not more than is wanted of one instrument needs no search.
            found[part] = floor if end - floor <= self.records else self._begin(reader, floor, end), end
        return found

    def _begin(self, reader: StretchReader, floor: int, end: int) -> int:
        met: _Met = {}
        begin, look = end, max(self.records, _FIRST_LOOK)
        while begin > floor:
            further = max(floor, begin - look)
            if not self._meet(met, reader, further, begin) and all(len(own) == self.records for own in met.values()):
                break
            begin, look = further, end - further
        return min((own[0] for own in met.values()), default=floor)

    def _meet(self, met: _Met, reader: StretchReader, begin: int, end: int) -> bool:
        """Take in what lies before everything that was met; whether a new instrument is among it."""
        here: _Met = {}
        for message in flat(reader.read(begin, end)):
            here.setdefault(message.key(), deque(maxlen=self.records)).append(message.offset() or 0)
        new = not here.keys() <= met.keys()
        for key, offsets in here.items():
            known = met.setdefault(key, deque(maxlen=self.records))
            while offsets and len(known) < self.records:
                known.appendleft(offsets.pop())
        return new
