"""Topics on a real broker: made once with their settings, refused when they are others, described."""

from __future__ import annotations

import uuid

import pytest

from connectors.broker import Broker, BrokerError
from connectors.topics import PartitionsError, TopicNames, check_topics, create_topics, describe_topics
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


@pytest.fixture
def names(topics: Topics) -> TopicNames:
    mark = uuid.uuid4().hex[:8]
    return TopicNames(*(topics.adopt(f"{name}.{mark}") for name in TopicNames._fields))


@pytest.fixture
def broker(kafka: Kafka) -> Broker:
    return Broker(kafka.bootstrap_servers)


def test_topics_are_made_with_their_settings_and_once(broker: Broker, names: TopicNames) -> None:
    assert [made.created for made in create_topics(broker, names, partitions=3)] == [True] * 4
    again = create_topics(broker, names, partitions=3)
    assert [(made.created, made.partitions, made.remarks) for made in again] == [(False, 3, ())] * 4
    assert check_topics(broker, names) == dict.fromkeys(names, 3)
    raw, metrics, faults, _ = describe_topics(broker, names)
    assert raw.config["message.timestamp.type"] == "LogAppendTime"
    assert metrics.config["message.timestamp.type"] == "CreateTime"
    assert int(faults.config["retention.ms"]) > int(raw.config["retention.ms"])
    assert raw.offsets == dict.fromkeys(range(3), (0, 0))


def test_a_topic_with_other_settings_gets_a_remark(broker: Broker, names: TopicNames) -> None:
    create_topics(broker, names, partitions=1)
    changed = create_topics(broker, names, partitions=1, retention_ms=3_600_000)
    assert changed[0].remarks == ("retention.ms is 604800000, this command would make it 3600000",)


def test_another_number_of_partitions_is_refused(broker: Broker, names: TopicNames) -> None:
    create_topics(broker, names, partitions=2)
    with pytest.raises(PartitionsError, match="expected 3 partitions"):
        create_topics(broker, names, partitions=3)


def test_what_the_broker_refuses_is_told(broker: Broker, names: TopicNames) -> None:
    with pytest.raises(BrokerError, match=r"expected to create topic raw\..*received: .*replication"):
        create_topics(broker, names, partitions=1, replication_factor=7)


@pytest.mark.parametrize("counts", [(3, 2, 3, 3), (3, 3, 4, 3), (3, 3, 3, 1)])
def test_topics_of_unequal_partitions_are_refused(broker: Broker, topics: Topics, counts: tuple[int, ...]) -> None:
    kinds = zip(TopicNames._fields, counts, strict=True)
    names = TopicNames(*(topics.create(kind, partitions=count) for kind, count in kinds))
    with pytest.raises(PartitionsError, match=r"expected 3 partitions.*received: \w+\.\w+ has [124]; "):
        check_topics(broker, names)
