"""What is to be replayed: partitions, and of each a range of offsets, as a user says it in offsets or in times.

Owns the way from what was said to ranges that the topic holds, and the errors of what it does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import NamedTuple

from connectors.broker import Broker
from connectors.stretch import StretchReader


class ReplayError(ValueError):
    """A replay that can't be done as it was asked for; the message says what can: exit code 2."""


@dataclass(frozen=True)
class Wanted:
    """What was said; None: not said.

    ``to_offset`` is the last one that belongs to the range; times are Kafka timestamps of raw messages in ms, from the first
    message at ``from_time_ms`` or later to before the first one later than ``to_time_ms``.
    """

    partition: int | None = None
    from_offset: int | None = None
    to_offset: int | None = None
    from_time_ms: int | None = None
    to_time_ms: int | None = None

    def problems(self) -> list[str]:
        """What does not go together."""
        wrong = []
        offsets, times = (self.from_offset, self.to_offset), (self.from_time_ms, self.to_time_ms)
        if self.partition is None and offsets != (None, None):
            wrong.append("--from-offset, --to-offset: expected --partition with them (offsets are a partition's own)")
        for first, second, unit in ((*offsets, "offset"), (*times, "time")):
            if first is not None and second is not None and second < first:
                wrong.append(f"--to-{unit}: expected --from-{unit} ({first}) or later, received {second}")
        for offset, time_ms, side in zip(offsets, times, ("from", "to"), strict=True):
            if offset is not None and time_ms is not None:
                wrong.append(f"--{side}-offset, --{side}-time: expected one of them, received both")
        return wrong


class Range(NamedTuple):
    """Raw messages of a partition: offsets from ``begin`` to before ``end``.

    ``first``: the first offset that the topic holds. ``whole_head``, ``whole_tail``: nobody said where to begin (to end).
    """

    partition: int
    begin: int
    end: int
    first: int
    whole_head: bool = True
    whole_tail: bool = True

    def __str__(self) -> str:
        return f"partition {self.partition}, offsets {self.begin} .. {self.end - 1}"


def find_ranges(broker: Broker, topic: str, wanted: Wanted) -> list[Range]:
    """The ranges that were asked for; partitions without a message in them are left out, unless it is all of them.

    Raises:
        ReplayError: the topic does not hold what was asked for.
        BrokerError: the broker did not answer, or there is no such topic.
    """
    partitions: Iterable[int] = broker.partitions_of(topic)
    if wanted.partition is not None:
        if wanted.partition not in partitions:
            raise ReplayError(
                f"--partition: expected one of the partitions 0 .. {max(partitions)} of topic {topic}, received {wanted.partition}"
            )
        partitions = [wanted.partition]
    found, empty = [], []
    for partition in partitions:
        with closing(StretchReader(broker, topic, partition)) as reader:
            first, end = reader.offsets()
            range_ = _range(reader, partition, (first, end), wanted)
        if range_.begin < range_.end:
            found.append(range_)
        else:
            empty.append(f"partition {partition} holds {_holds(first, end)}")
    if not found:
        raise ReplayError(f"expected messages in the range of topic {topic}, received none: " + "; ".join(empty))
    return found


def _range(reader: StretchReader, partition: int, there: tuple[int, int], wanted: Wanted) -> Range:
    first, end = there
    for name, offset in (("--from-offset", wanted.from_offset), ("--to-offset", wanted.to_offset)):
        if offset is not None and not first <= offset < end:
            raise ReplayError(
                f"{name}: expected an offset that partition {partition} holds, received {offset}; it holds {_holds(first, end)}"
            )
    begin, stop = first, end
    if wanted.from_offset is not None:
        begin = wanted.from_offset
    elif wanted.from_time_ms is not None:
        begin = _or(reader.offset_at(wanted.from_time_ms), end)
    if wanted.to_offset is not None:
        stop = wanted.to_offset + 1
    elif wanted.to_time_ms is not None:
        stop = min(_or(reader.offset_at(wanted.to_time_ms + 1), end), end)
    return Range(
        partition,
        max(begin, first),
        stop,
        first,
        whole_head=wanted.from_offset is None and wanted.from_time_ms is None,
        whole_tail=wanted.to_offset is None and wanted.to_time_ms is None,
    )


def _or(offset: int | None, end: int) -> int:
    return end if offset is None else offset


def _holds(first: int, end: int) -> str:
    return f"offsets {first} .. {end - 1}" if end > first else "no messages"


def parse_time_ms(text: str) -> int:
    """A time as ms since 1970: given so, or as ISO 8601 (without an offset it is UTC).

    Raises:
        ValueError: it is neither; the message says what was expected.

    >>> parse_time_ms("2024-08-08T16:00:00.250Z"), parse_time_ms("1723132800250")
    (1723132800250, 1723132800250)
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        # Python 3.10 knows no Z.
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in {"Z", "z"} else text)
    except ValueError:
        raise ValueError(f"expected ISO 8601 as in 2024-08-08T16:00:00Z, or ms since 1970, received {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)
