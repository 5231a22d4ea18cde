"""The journal as a running process uses it: it tells that it writes, asks whether somebody began later, and leaves checkpoints.

Owns that a job without a journal runs all the same, and says what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from connectors.broker import Broker, BrokerError
from connectors.journal import Journal, Standing, Start
from connectors.journal_reader import journal_reader
from connectors.topics import TopicNames, create_checkpoints_topic
from dataflows import recovery
from dataflows.beginning import Beginning
from dataflows.checkpointer import Checkpointer, Ends
from dataflows.graph import FLOW_ID
from dataflows.shards import Shard, parse_shard
from dataflows.shelf import Shelf
from dataflows.state import State


def has_journal(broker: Broker, names: TopicNames, topics: Mapping[str, int], *, wanted: bool) -> bool:
    """Whether the topic for checkpoints is there; made if it is wanted and missing, where the broker lets us.

    ``topics`` has the number of partitions by topic.
    """
    if not wanted or names.checkpoints in topics:
        return wanted
    try:
        create_checkpoints_topic(broker, names, topics[names.raw])
    except BrokerError as error:
        structlog.get_logger("obi").warning(
            "running without checkpoints: replays will begin at the start of the topic; obi topics create makes their topic",
            topic=names.checkpoints,
            reason=str(error),
        )
        return False
    return True


class Journaling:
    """What one process does with the journal ``topic``."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._journal = Journal(broker, topic)
        self._claims: Mapping[int, int] = {}

    @contextmanager
    def opened(self) -> Iterator[Journaling]:
        """Itself, closed at the end."""
        try:
            yield self
        finally:
            self._journal.close()

    def claim(self, state: State, part: str, shard: Shard, names: TopicNames, settings: Mapping[str, Any]) -> None:
        """Tell that this process writes the partitions of its state from now on.

        Raises:
            BrokerError: the broker did not take it.
        """
        generation, begun, output, _ = state.beginning
        position = {**begun, **dict(recovery.newest_state(state.folder, f"{FLOW_ID}.raw", part) or ())}
        self._claims = self._journal.start(
            {
                partition: Start(
                    Standing(
                        generation[partition],
                        position[partition],
                        output[names.metrics][partition],
                        output[names.faults][partition],
                    ),
                    str(shard),
                    settings,
                    fresh=state.new and not any(known.partition == partition for known in state.beginning.seed),
                )
                for partition in begun
            }
        )

    def superseded(self, partition: int) -> bool:
        """Whether another process began to write the partition after this one.

        Two that begin at the same moment may be in one order in one partition of the journal and in the other order in
        another one. The lowest partition that both write decides for all of them, so that exactly one gives way.

        Raises:
            BrokerError: the broker did not answer.
        """
        mine = sorted(self._claims)
        for lowest in mine[: mine.index(partition) + 1]:
            with journal_reader(self._broker, self._topic, lowest) as journal:
                rivals = [parse_shard(start.shard) for start in journal.starts_behind(self._claims[lowest])]
            for rival in rivals:
                theirs = rival.partitions(mine[-1] + 1)
                if partition in theirs and lowest == min(set(theirs) & set(mine)):
                    return True
        return False

    def checkpointer(
        self, shelf: Shelf, ends: Ends, beginning: Beginning, settings: Mapping[str, Any], *, interval: int
    ) -> Checkpointer:
        """Who writes checkpoints of what is on the shelf."""
        return Checkpointer(
            self._journal,
            shelf,
            ends,
            generation=beginning.generation,
            positions=beginning.input,
            settings=settings,
            interval=interval,
        )
