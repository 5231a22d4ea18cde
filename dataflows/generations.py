"""How a state begins when a shard's folder is empty: at the start of everything, rebuilt from the topics, or as a new generation.

Owns the rule that ``seq`` never starts again by itself: an output that is not empty has a past, and who runs the job must say
whether to go on with it. A rebuilt state is the newest checkpoint, or else the generation's very beginning, with the output
read from there: what is in it already is computed again, and not written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from connectors.broker import Broker
from connectors.journal import Checkpoint, Standing
from connectors.journal_reader import journal_reader
from connectors.topics import TopicNames
from dataflows.beginning import Beginning
from dataflows.settings import SettingsError
from dataflows.shards import Shard
from dataflows.shelf import InstrumentState
from orderbook.codec import STATE_TAG

Choice: TypeAlias = Literal["resume", "new"]
"""What to do about an output that is not empty: go on with it, or start ``seq`` again behind it."""


class _Offsets(NamedTuple):
    """First offset and end by partition, of each topic."""

    raw: Mapping[int, tuple[int, int]]
    metrics: Mapping[int, tuple[int, int]]
    faults: Mapping[int, tuple[int, int]]

    def written(self) -> list[int]:
        """Partitions that something was ever written to."""
        return [p for p in sorted(self.metrics) if self.metrics[p][1] or self.faults[p][1]]


class Generations:
    """Decides how partitions begin; the answer to ``dataflows.state.open_state``.

    Args:
        broker: where.
        names: of the topics.
        shard: whose partitions they are, for the message.
        journal: whether the topic for checkpoints is there.
        choice: what to do about an output that is not empty; None refuses it.
        start: ``earliest`` or ``latest``, for partitions with no past.
    """

    def __init__(
        self, broker: Broker, names: TopicNames, shard: Shard, *, journal: bool, choice: Choice | None, start: str
    ) -> None:
        self._broker = broker
        self._names = names
        self._shard = shard
        self._journal = journal
        self._choice = choice
        self._start = start

    def begin(self, partitions: Sequence[int], added: bool) -> Beginning:
        """How these partitions begin; ``added`` ones are read from their first message, whatever ``start`` says.

        Raises:
            SettingsError: the output has a past, and nobody said what to do about it; or it can't be rebuilt.
            BrokerError: the broker did not answer.
        """
        broker, names = self._broker, self._names
        offsets = _Offsets(*(broker.offsets(topic, partitions) for topic in names[:3]))
        written = offsets.written()
        if written and self._choice is None:
            raise self._refused(written)
        generation = {partition: self._generation(partition) for partition in written}
        standings: dict[int, Standing] = {}
        seed: list[InstrumentState] = []
        for partition in partitions:
            if self._choice == "resume" and partition in written:
                standings[partition], states = self._rebuilt(partition, generation[partition] or 1, offsets)
                seed += states
            else:
                number = (generation[partition] or 0) + 1 if partition in written else 1
                standings[partition] = self._fresh(partition, number, offsets, "earliest" if added else self._start)
        return _beginning(names, standings, seed)

    def _fresh(self, partition: int, generation: int, offsets: _Offsets, start: str) -> Standing:
        """With no memory, behind what is in the output."""
        position = offsets.raw[partition][0 if start == "earliest" else 1]
        return Standing(generation, position, offsets.metrics[partition][1], offsets.faults[partition][1])

    def _generation(self, partition: int) -> int | None:
        if not self._journal:
            return None
        with journal_reader(self._broker, self._names.checkpoints, partition) as journal:
            return journal.generation()

    def _rebuilt(
        self, partition: int, generation: int, offsets: _Offsets
    ) -> tuple[Standing, Iterable[InstrumentState]]:
        """From the newest checkpoint, or the beginning of the generation, or that of the topics."""
        if self._journal:
            with journal_reader(self._broker, self._names.checkpoints, partition) as journal:
                checkpoint = journal.checkpoint(generation=generation)
                if checkpoint is not None and _is_readable(checkpoint):
                    states = checkpoint.states.items()
                    return checkpoint.standing, [InstrumentState(name, partition, state) for name, state in states]
                if (start := journal.beginning(generation)) is not None:
                    return start.standing, ()
        first = offsets.raw[partition][0]
        if first > 0:
            problem = (
                f"--resume-from-output: expected a checkpoint in {self._names.checkpoints} or the whole history of partition "
                f"{partition} in {self._names.raw}, received no checkpoint and a first offset of {first}; the state can't be "
                "rebuilt exactly: begin a new generation with --new-generation"
            )
            raise SettingsError([problem])
        return Standing(1, 0, 0, 0), ()

    def _refused(self, written: Sequence[int]) -> SettingsError:
        shown = ", ".join(map(str, written))
        command = f"obi run --shard {self._shard}"
        problem = (
            f"state_dir: expected the state of what is in {self._names.metrics} and {self._names.faults} (partitions {shown}), "
            "received an empty folder; seq would silently start at 1 again. Say which it is:\n"
            f"    {command} --resume-from-output  the disk was lost or is another one: rebuild the state from the topics,\n"
            f"    {'':{len(command)}}                       and write only what is not there yet\n"
            f"    {command} --new-generation      begin again: seq from 1, behind what is there\n"
            f"    {command} --state-dir FOLDER    the state is in another folder"
        )
        return SettingsError([problem])


def _is_readable(checkpoint: Checkpoint) -> bool:
    """Whether its states are of this version; else everything is computed again from the beginning."""
    return all(state.startswith(STATE_TAG) for state in checkpoint.states.values())


def _beginning(names: TopicNames, standings: Mapping[int, Standing], seed: Iterable[InstrumentState]) -> Beginning:
    return Beginning(
        {partition: standing.generation for partition, standing in standings.items()},
        {partition: standing.position for partition, standing in standings.items()},
        {
            names.metrics: {partition: standing.metrics_offset for partition, standing in standings.items()},
            names.faults: {partition: standing.faults_offset for partition, standing in standings.items()},
        },
        tuple(seed),
    )
