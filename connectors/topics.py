"""The topics of the job: made with the same number of partitions, and described as plain data.

Owns their settings. The raw topic keeps the time of its arrival (``LogAppendTime``): with the producer's time, a recording
of 2024 would be older than any retention within minutes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # not in __all__
from confluent_kafka.cimpl import NewTopic  # .admin re-exports it, but type checkers are not told

from connectors.broker import LARGEST_MESSAGE_BYTES, REQUEST_S, Broker, BrokerError, TopicMissingError

DAY_MS: Final = 86_400_000
RETENTION_MS: Final = 7 * DAY_MS
"""Of raw messages and of records: equal, so that what can be replayed can be compared."""

FAULTS_RETENTION_MS: Final = 30 * DAY_MS
"""Longer: somebody has to find the time to look."""

_FAULT_HEADERS_BYTES: Final = 65_536
_LEADERS_S: Final = 15.0
_CREATE_S: Final = 5.0
_BROKERS_COPIES: Final = -1
"""As many copies as the broker makes by default."""
_SHOWN: Final = ("cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type", "max.message.bytes")


class TopicNames(NamedTuple):
    """The topics of one deployment; the job runs without the last one, but neither replays quickly nor finds its state again."""

    raw: str = "depth.raw"
    metrics: str = "depth.metrics"
    faults: str = "depth.faults"
    checkpoints: str = "depth.metrics.checkpoints"


def checkpoints_of(metrics: str) -> str:
    """The topic for checkpoints that belongs to a metrics topic when none is named: two jobs must not share one."""
    return f"{metrics}.checkpoints"


class PartitionsError(ValueError):
    """Topics that belong together have unequal partitions: wrong use, exit code 2."""


@dataclass(frozen=True)
class Made:
    """What became of one topic: ``created`` now or there before, and ``remarks`` on settings that are not as wished."""

    topic: str
    partitions: int
    created: bool
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class TopicFacts:
    """A topic as it is. ``offsets`` by partition: (first, end); ``config`` is empty where the broker doesn't tell."""

    topic: str
    exists: bool
    offsets: Mapping[int, tuple[int, int]]
    config: Mapping[str, str]


def create_line(broker: Broker, names: TopicNames) -> str:
    """The command that makes the topics."""
    usual = TopicNames()._replace(checkpoints=checkpoints_of(names.metrics))
    flags = [
        f" --{field}-topic {name}"
        for field, name, default in zip(TopicNames._fields, names, usual, strict=True)
        if name != default
    ]
    return f"obi topics create --bootstrap-servers {broker.bootstrap_servers}{''.join(flags)}"


def create_topics(
    broker: Broker,
    names: TopicNames,
    *,
    partitions: int,
    replication_factor: int = 1,
    retention_ms: int = RETENTION_MS,
    embedded: bool = False,
) -> tuple[Made, ...]:
    """Make the topics that are not there yet. Those that are there must have as many partitions.

    Args:
        broker: where.
        names: the topics.
        partitions: of each of them.
        replication_factor: copies of each partition; not more than there are brokers.
        retention_ms: how long raw messages and records are kept; faults at least 30 days.
        embedded: the broker is the mock one, which makes a topic when it is first asked for and takes no settings;
            ``partitions`` is then its own number.

    Raises:
        PartitionsError: a topic has another number of partitions; nothing is made then.
        BrokerError: the broker refused.
    """
    there = broker.topics()
    unequal = [f"{name} has {len(there[name])}" for name in names if name in there and len(there[name]) != partitions]
    if unequal and not embedded:
        raise PartitionsError(
            f"expected {partitions} partitions in each topic, received: {', '.join(unequal)}; "
            "say --partitions as they have, or choose other topic names, or delete them"
        )
    client = broker.admin()
    wished = topic_settings(names, retention_ms)
    missing = [name for name in names if name not in there]
    if embedded:
        return tuple(_create_embedded(broker, client, name, name in missing) for name in names)
    if missing:
        _create(broker, client, [NewTopic(n, partitions, replication_factor, config=wished[n]) for n in missing])
        _wait_for_leaders(broker, client, missing)
    old = _configs(client, [name for name in names if name not in missing])
    return tuple(
        Made(name, partitions, created=name in missing, remarks=_remarks(old.get(name, {}), wished[name]))
        for name in names
    )


def create_checkpoints_topic(broker: Broker, names: TopicNames, partitions: int) -> None:
    """Make the topic for checkpoints, with the broker's own number of copies.

    Raises:
        BrokerError: the broker refused, or did not answer.
    """
    create_topic(broker, names.checkpoints, partitions, topic_settings(names)[names.checkpoints])


def create_topic(broker: Broker, name: str, partitions: int, settings: Mapping[str, str]) -> None:
    """Make one topic, with the broker's own number of copies; it can be written when this returns.

    Raises:
        BrokerError: the broker refused, or did not answer.
    """
    client = broker.admin()
    topic = NewTopic(name, partitions, _BROKERS_COPIES, config=dict(settings))
    _create(broker, client, [topic], timeout_s=_CREATE_S)
    _wait_for_leaders(broker, client, [name])


def topic_settings(names: TopicNames, retention_ms: int = RETENTION_MS) -> dict[str, dict[str, str]]:
    """The settings of each topic, by name."""
    common = {"cleanup.policy": "delete", "retention.ms": str(retention_ms)}
    faults_ms = max(FAULTS_RETENTION_MS, retention_ms)
    faults_bytes = LARGEST_MESSAGE_BYTES + _FAULT_HEADERS_BYTES
    return {
        names.raw: {
            **common,
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(LARGEST_MESSAGE_BYTES),
        },
        names.metrics: {**common, "message.timestamp.type": "CreateTime"},
        names.faults: {**common, "retention.ms": str(faults_ms), "max.message.bytes": str(faults_bytes)},
        # As long as the raw messages: a checkpoint is of use while what follows it is there.
        names.checkpoints: {**common, "max.message.bytes": str(faults_bytes)},
    }


def check_topics(broker: Broker, names: TopicNames) -> dict[str, int]:
    """Partitions by topic, once raw, metrics and faults topic are there and all have the same number.

    The topic for checkpoints is in the answer when it is there.

    Raises:
        TopicMissingError: with the line that makes them.
        PartitionsError: a record's partition is its source's, so all topics need as many as the raw one.
    """
    there = broker.topics()
    missing = [name for name in names[:3] if name not in there]
    if missing:
        raise TopicMissingError(
            f"expected topics {', '.join(names[:3])} at {broker.bootstrap_servers}, missing: {', '.join(missing)}; "
            f"create them with\n  {create_line(broker, names)}"
        )
    counts = {name: len(there[name]) for name in names if name in there}
    if unequal := [f"{name} has {count}" for name, count in counts.items() if count != counts[names.raw]]:
        raise PartitionsError(
            f"expected {counts[names.raw]} partitions, as topic {names.raw} has, received: {', '.join(unequal)}; "
            "a record goes to the partition of its source: raise the lower number with kafka-topics.sh --alter --partitions, "
            "or choose other topic names"
        )
    return counts


def describe_topics(broker: Broker, names: TopicNames) -> tuple[TopicFacts, ...]:
    """The topics as they are; one that is missing has ``exists`` False.

    Raises:
        BrokerError: the broker did not answer.
    """
    there = broker.topics()
    configs = _configs(broker.admin(), [name for name in names if name in there])
    return tuple(
        TopicFacts(name, exists=True, offsets=broker.offsets(name, there[name]), config=configs[name])
        if name in there
        else TopicFacts(name, exists=False, offsets={}, config={})
        for name in names
    )


def _create(broker: Broker, client: AdminClient, topics: list[NewTopic], timeout_s: float = REQUEST_S) -> None:
    futures = client.create_topics(topics, operation_timeout=timeout_s, request_timeout=timeout_s)
    # All answers first: a client that is garbage while one is under way may end the process.
    for name, error in [(name, future.exception()) for name, future in futures.items()]:
        if error is None:
            continue
        # Somebody else may have been faster; whether it is the same topic is seen at the next start.
        if not isinstance(error, KafkaException) or error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise BrokerError(
                f"expected to create topic {name} at {broker.bootstrap_servers}, received: {_text(error)}"
            ) from error


def _create_embedded(broker: Broker, client: AdminClient, name: str, missing: bool) -> Made:
    try:
        found = client.list_topics(name, timeout=REQUEST_S).topics[name]
    except KafkaException as error:
        raise broker.failed(f"a new topic {name}", error) from error
    return Made(name, len(found.partitions), created=missing)


def _wait_for_leaders(broker: Broker, client: AdminClient, names: list[str]) -> None:
    """A new topic is known a moment before it can be written."""
    deadline = time.monotonic() + _LEADERS_S
    while time.monotonic() < deadline:
        found = client.list_topics(timeout=REQUEST_S).topics
        partitions = [p for name in names if name in found for p in found[name].partitions.values()]
        if all(name in found for name in names) and all(partition.leader >= 0 for partition in partitions):
            return
        time.sleep(0.05)
    raise BrokerError(
        f"expected leaders for the new topics {', '.join(names)} at {broker.bootstrap_servers} within {_LEADERS_S:g} s, "
        "received none; look at the broker's log"
    )


def _text(error: BaseException) -> str:
    return str(error.args[0].str()) if isinstance(error, KafkaException) else repr(error)


def _configs(client: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings that matter here, by topic; none from a broker that has no such request (the embedded one) or forbids it."""
    if not names:
        return {}
    resources = {name: ConfigResource(ResourceType.TOPIC, name) for name in names}
    asked = client.describe_configs(list(resources.values()), request_timeout=2.0)
    return {name: _shown(asked[resource]) for name, resource in resources.items()}


def _shown(answer: Future[dict[str, Any]]) -> dict[str, str]:
    try:
        found = answer.result()
    except KafkaException:
        return {}
    return {key: found[key].value for key in _SHOWN if key in found}


def _remarks(config: Mapping[str, str], wished: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{key} is {config[key]}, this command would make it {value}"
        for key, value in wished.items()
        if key in config and config[key] != value
    )
