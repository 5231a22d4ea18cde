"""Where a replay begins: the state exactly before the first message of a range, without reading what came long before.

Owns the choice, the nearest first: the newest checkpoint before the range, if it was made with the same settings; how the
generation began; the first message of the topic. Every one of them is exact. Where none is there, the replay is refused,
unless it was asked to begin with no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.broker import Broker
from connectors.journal import Checkpoint
from connectors.journal_reader import JournalReader, journal_reader
from dataflows.job import numbers_settings, topic_names
from dataflows.replay.ranges import Range, ReplayError
from dataflows.settings import Settings
from orderbook.codec import STATE_TAG

_STATELESS: Final = frozenset({"large_order_threshold_pct", "contract_sizes"})
"""Settings that a record's numbers depend on, but no state does."""


@dataclass(frozen=True)
class ReplayStart:
    """The instruments' states exactly before the raw message at ``position``.

    What the job wrote from there on lies at ``metrics_offset`` and ``faults_offset`` or behind. ``how`` says to people which
    start this is.
    """

    position: int
    how: str
    metrics_offset: int = 0
    faults_offset: int = 0
    states: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Plan:
    """A range, and where its replay begins."""

    range: Range
    start: ReplayStart

    @property
    def messages(self) -> int:
        """How many offsets are to be read."""
        return self.range.end - self.start.position

    def __str__(self) -> str:
        return f"{self.range}, from {self.start.how}"


class Planner:
    """Finds the start of ranges.

    Args:
        broker: where.
        settings: of the replay.
        verify: whether the records are compared with those of the job: then they must be its newest generation's.
        from_beginning: use no checkpoint; begin with no memory at the first message there is, if need be.
    """

    def __init__(self, broker: Broker, settings: Settings, *, verify: bool, from_beginning: bool) -> None:
        self._broker = broker
        self._topic = topic_names(settings).checkpoints
        self._raw_topic = settings.raw_topic
        self._numbers = numbers_settings(settings)
        self._verify = verify
        self._from_beginning = from_beginning
        self._journals = frozenset(broker.topics().get(self._topic, ()))

    def plan(self, range_: Range) -> Plan:
        """The start for a range. One that nobody said a beginning for begins where an exact start is.

        Raises:
            ReplayError: the state can't be known exactly; the message says what can be done.
            BrokerError: the broker did not answer.
        """
        with self._journal(range_.partition) as journal:
            generation = None if journal is None else journal.generation()
            if journal is None or generation is None:
                return self._without_journal(range_)
            if not self._from_beginning:
                checkpoint = journal.checkpoint(range_.begin, generation)
                if checkpoint is not None and self._serves(checkpoint, range_):
                    return Plan(range_, _at(checkpoint))
            return self._from_the_beginning(range_, journal, generation)

    @contextmanager
    def _journal(self, partition: int) -> Iterator[JournalReader | None]:
        if partition not in self._journals:
            yield None
            return
        with journal_reader(self._broker, self._topic, partition) as journal:
            yield journal

    def _without_journal(self, range_: Range) -> Plan:
        if range_.first == 0:
            return Plan(range_, ReplayStart(0, "the first message of the topic"))
        if self._from_beginning and not self._verify:
            return Plan(range_, self._no_memory(range_))
        raise self._gone(range_, f"there is no checkpoint from there on in topic {self._topic}")

    def _from_the_beginning(self, range_: Range, journal: JournalReader, generation: int) -> Plan:
        beginning = journal.beginning(generation)
        if beginning is not None:
            standing = beginning.standing
            how = f"the beginning of generation {generation} (offset {standing.position})"
            start = ReplayStart(standing.position, how, standing.metrics_offset, standing.faults_offset)
            if range_.first <= start.position <= range_.begin:
                return Plan(range_, start)
            if range_.begin < start.position < range_.end and range_.whole_head:
                return Plan(range_._replace(begin=start.position), start)
            if range_.begin < start.position and self._verify:
                raise ReplayError(
                    f"expected a range of generation {generation}, the newest of partition {range_.partition}, which begins at raw "
                    f"offset {start.position}; received {range_.begin} .. {range_.end - 1}"
                )
        elif generation == 1 and range_.first == 0:
            return Plan(range_, ReplayStart(0, "the first message of the topic"))
        if not self._verify and (self._from_beginning or range_.first == 0):
            return Plan(range_, self._no_memory(range_))
        return self._later(range_, journal, generation)

    def _later(self, range_: Range, journal: JournalReader, generation: int) -> Plan:
        """From the first checkpoint inside of a range whose beginning nobody said; else refused, with what there is."""
        found = None
        for checkpoint in journal.checkpoints_from(range_.begin, generation):
            if checkpoint.standing.position >= range_.end:
                break
            found = found or checkpoint
            if not self._differences(checkpoint):
                if range_.whole_head:
                    return Plan(range_._replace(begin=checkpoint.standing.position), _at(checkpoint))
                raise self._gone(range_, f"the first checkpoint behind it is at {checkpoint.standing.position}")
        before = journal.checkpoint(range_.begin, generation)
        found = before if before is not None and before.standing.position >= range_.first else found
        if found is None:
            raise self._gone(range_, f"there is no checkpoint from there on in topic {self._topic}")
        raise self._gone(
            range_,
            f"the checkpoint at {found.standing.position} is of other settings ({', '.join(self._differences(found))})",
        )

    def _serves(self, checkpoint: Checkpoint, range_: Range) -> bool:
        return checkpoint.standing.position >= range_.first and not self._differences(checkpoint)

    def _differences(self, checkpoint: Checkpoint) -> list[str]:
        """The settings of a checkpoint that make it of no use here."""
        if any(state[: len(STATE_TAG)] != STATE_TAG for state in checkpoint.states.values()):
            return ["of another version of obi"]
        return [f"{name} {then!r}" for name, then, _ in settings_differences(checkpoint.settings, self._numbers)]

    def _no_memory(self, range_: Range) -> ReplayStart:
        how = f"offset {range_.first}, the first that is there, with no memory: seq, windows and books begin there"
        return ReplayStart(range_.first, how if range_.first else "the first message of the topic")

    def _gone(self, range_: Range, why: str) -> ReplayError:
        way = (
            ""
            if self._verify
            else "; --from-beginning begins with no memory at the first message there is (seq from 1)"
        )
        return ReplayError(
            f"expected the history of partition {range_.partition} before offset {range_.begin}, or a checkpoint; received: topic "
            f"{self._raw_topic} holds it from offset {range_.first} on, and {why}{way}"
        )


def settings_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Settings (name, then, now) that make a state of then another one than now's.

    A window keeps its newest events, so a state with a larger one has all that a smaller one would.
    """
    names = [name for name in {**then, **now} if name not in _STATELESS and then.get(name) != now.get(name)]
    larger = then.get("delta_volume_window", 0) > now.get("delta_volume_window", 0)
    return [(name, then.get(name), now.get(name)) for name in names if not (name == "delta_volume_window" and larger)]


def _at(checkpoint: Checkpoint) -> ReplayStart:
    standing = checkpoint.standing
    how = f"the checkpoint at {standing.position}"
    return ReplayStart(standing.position, how, standing.metrics_offset, standing.faults_offset, checkpoint.states)
