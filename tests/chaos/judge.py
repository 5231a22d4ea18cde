"""The judge: what a disturbed run wrote beside what an undisturbed one wrote from the same raw messages.

Owns the meaning of lost, duplicated, different and out of order. A message is known by its stream (records: the
instrument, faults: the partition) and its number in there (records: `seq`, faults: the raw offset).
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from tests.deployment import Deployment
from tests.kafka_reading import Read, read_topic

Stream: TypeAlias = bytes
EXAMPLES: Final = 5
_SEQ: Final = re.compile(rb'"seq":(\d+),')


class Entry(NamedTuple):
    """One message that was written: who it is, and a fingerprint of all that is said in it."""

    stream: Stream
    number: int
    content: bytes


@dataclass(frozen=True)
class Verdict:
    """How a run differs from the undisturbed one, in messages.

    Attributes:
        expected: messages of the undisturbed run.
        lost: of these, how many are not there.
        duplicated: copies beyond the first.
        different: messages, copies too, that the undisturbed run has otherwise or not at all.
        out_of_order: messages that came after a later one of their stream; copies are not counted here.
        examples: the first few of them, in words.
    """

    expected: int
    lost: int = 0
    duplicated: int = 0
    different: int = 0
    out_of_order: int = 0
    examples: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Nothing lost, nothing twice, the same bytes in the same order."""
        return self.same_without_copies and not self.duplicated

    @property
    def same_without_copies(self) -> bool:
        """The same, for a reader that drops what it has seen already."""
        return self.expected > 0 and not (self.lost or self.different or self.out_of_order)

    def __str__(self) -> str:
        figures = (
            f"{self.expected} expected: {self.lost} lost, {self.duplicated} duplicated, {self.different} different, "
            f"{self.out_of_order} out of order"
        )
        return "\n  ".join([figures, *self.examples])


@dataclass(frozen=True)
class Judgement:
    """Both topics of a run."""

    records: Verdict
    faults: Verdict

    @property
    def same(self) -> bool:
        """Of both topics."""
        return self.records.same and self.faults.same

    @property
    def same_without_copies(self) -> bool:
        """Of both topics."""
        return self.records.same_without_copies and self.faults.same_without_copies

    @property
    def total(self) -> Verdict:
        """Both in one."""
        one, other = self.records, self.faults
        return Verdict(
            one.expected + other.expected,
            one.lost + other.lost,
            one.duplicated + other.duplicated,
            one.different + other.different,
            one.out_of_order + other.out_of_order,
            (*one.examples, *other.examples),
        )

    def __str__(self) -> str:
        return f"records: {self.records}\nfaults: {self.faults}"


class Judge:
    """Knows what is right, from an undisturbed deployment that has come to the end of the raw topic."""

    def __init__(self, undisturbed: Deployment) -> None:
        self._records = ledger(read_records(undisturbed))
        self._faults = ledger(read_faults(undisturbed))

    @property
    def answers(self) -> int:
        """Records and faults of the undisturbed run."""
        return sum(map(len, self._records.values())) + sum(map(len, self._faults.values()))

    def judge(self, deployment: Deployment) -> Judgement:
        """The verdict on a deployment that has come to the end of the same raw topic."""
        return Judgement(
            compare(self._records, read_records(deployment)),
            compare(self._faults, read_faults(deployment)),
        )


def read_records(deployment: Deployment) -> Iterable[Entry]:
    """The records of a deployment, in the order of each partition."""
    return _entries(deployment.servers, deployment.metrics, _record)


def read_faults(deployment: Deployment) -> Iterable[Entry]:
    """The faults of a deployment, in the order of each partition."""
    return _entries(deployment.servers, deployment.faults, _fault)


def ledger(entries: Iterable[Entry]) -> Mapping[Stream, Mapping[int, bytes]]:
    """The contents of an undisturbed run by stream and number.

    Raises:
        ValueError: it has a message twice or not in order, and so can't be a judge.
    """
    found: dict[Stream, dict[int, bytes]] = defaultdict(dict)
    for stream, number, content in entries:
        numbers = found[stream]
        if numbers and number <= next(reversed(numbers)):
            raise ValueError(f"expected rising numbers of {stream!r} without disturbances, received {number}")
        numbers[number] = content
    return found


def compare(expected: Mapping[Stream, Mapping[int, bytes]], entries: Iterable[Entry]) -> Verdict:
    """What a reader of all entries finds amiss."""
    seen: dict[Stream, set[int]] = defaultdict(set)
    highest: dict[Stream, int] = {}
    duplicated = different = out_of_order = 0
    examples: list[str] = []

    def note(what: str, stream: Stream, number: int) -> int:
        if len(examples) < EXAMPLES:
            examples.append(f"{what}: {stream.decode(errors='replace')} {number}")
        return 1

    for stream, number, content in entries:
        if expected.get(stream, {}).get(number) != content:
            different += note("different", stream, number)
        if number in seen[stream]:
            duplicated += note("duplicated", stream, number)
        elif number < highest.get(stream, number):
            out_of_order += note("out of order", stream, number)
        seen[stream].add(number)
        highest[stream] = max(number, highest.get(stream, number))
    missing = [(stream, number) for stream, own in expected.items() for number in own if number not in seen[stream]]
    for stream, number in missing:
        note("lost", stream, number)
    total = sum(map(len, expected.values()))
    return Verdict(total, len(missing), duplicated, different, out_of_order, tuple(examples))


def _entries(servers: str, topic: str, identify: Callable[[Read], tuple[Stream, int]]) -> Iterable[Entry]:
    for message in read_topic(servers, topic):
        yield Entry(*identify(message), _content(message))


def _record(message: Read) -> tuple[Stream, int]:
    found = _SEQ.search(message.value or b"")
    assert found is not None, message
    return message.key or b"", int(found[1])


def _fault(message: Read) -> tuple[Stream, int]:
    # The last header counts: a malformed message may bring one of its own.
    return b"partition %d" % message.partition, int(dict(message.headers)["obi.offset"])


def _content(message: Read) -> bytes:
    """All but the place in its partition: 400 000 whole records would not fit beside the broker."""
    whole = repr((message.partition, message.key, message.value, message.headers, message.timestamp_ms))
    return hashlib.blake2b(whole.encode(), digest_size=12).digest()
