"""The topic that a replay writes to: made when it is missing, refused when that would spoil something.

Owns what such a topic is like. It is an experiment: kept until somebody deletes it, for its records have the times of old
messages, which any retention would take away at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from connectors.broker import Broker
from connectors.outlet import Outlet
from connectors.terms import Claim, Patience, Terms
from connectors.topics import create_topic
from dataflows.job import topic_names
from dataflows.replay.ranges import ReplayError
from dataflows.settings import Settings
from dataflows.settings_model import is_legal_topic

_SETTINGS: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "message.timestamp.type": "CreateTime"}
_WAIT_S: Final = 60.0


def refuse_target(settings: Settings, topic: str) -> list[str]:
    """What is wrong with a topic's name, before anything is asked of a broker."""
    if not is_legal_topic(topic):
        return [f"--to-topic: expected 1 .. 249 of the characters a-z A-Z 0-9 . _ -, received {topic!r}"]
    if topic in topic_names(settings):
        return [f"--to-topic: expected another topic than those of the job, received {topic!r}"]
    return []


@contextmanager
def replay_target(
    broker: Broker, settings: Settings, topic: str, partitions: Collection[int], *, append: bool
) -> Iterator[Outlet]:
    """An outlet to the topic, open meanwhile; what was sent is acknowledged when this ends well.

    Raises:
        ReplayError: the topic has no such partitions, or messages in them that nobody allowed to write behind.
        BrokerError: the broker did not answer, or did not take the topic or a message.
    """
    topics = broker.topics()
    if topic not in topics:
        create_topic(broker, topic, len(topics[settings.raw_topic]), _SETTINGS)
    else:
        _check(broker, topic, topics[topic], partitions, append=append)
    outlet = Outlet(Terms(broker, topic, patience=Patience(_WAIT_S), claim=Claim("a replay")))
    try:
        yield outlet
        outlet.settle()
    finally:
        outlet.close()


def _check(broker: Broker, topic: str, there: Collection[int], partitions: Collection[int], *, append: bool) -> None:
    if missing := sorted(set(partitions) - set(there)):
        raise ReplayError(
            f"--to-topic: expected {topic} to have the raw topic's partitions, partitions {missing} are missing (it has "
            f"{len(there)}); choose another name, and the topic will be made as it must be"
        )
    held = {p: end - first for p, (first, end) in broker.offsets(topic, partitions).items() if end > first}
    if held and not append:
        shown = ", ".join(f"partition {partition} has {count:,}" for partition, count in sorted(held.items()))
        raise ReplayError(
            f"--to-topic: expected no messages in {topic} yet, received: {shown}; choose another name, or write behind them with --append"
        )
