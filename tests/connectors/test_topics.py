from __future__ import annotations

import pytest

from connectors.broker import Broker, TopicMissingError
from connectors.embedded import EmbeddedBroker
from connectors.topics import (
    FAULTS_RETENTION_MS,
    RETENTION_MS,
    PartitionsError,
    TopicNames,
    check_topics,
    create_line,
    create_topics,
    describe_topics,
    topic_settings,
)

NAMES = TopicNames()


def test_the_line_to_type_names_what_differs_from_the_defaults() -> None:
    assert create_line(Broker("a:1"), NAMES) == "obi topics create --bootstrap-servers a:1"
    assert create_line(Broker("a:1"), TopicNames(metrics="m", checkpoints="m.checkpoints")) == (
        "obi topics create --bootstrap-servers a:1 --metrics-topic m"
    )


def test_raw_messages_keep_the_time_of_their_arrival_and_faults_are_kept_longest() -> None:
    settings = topic_settings(NAMES)
    assert settings["depth.raw"]["message.timestamp.type"] == "LogAppendTime"
    assert settings["depth.metrics"]["message.timestamp.type"] == "CreateTime"
    assert settings["depth.raw"]["retention.ms"] == settings["depth.metrics"]["retention.ms"] == str(RETENTION_MS)
    assert settings["depth.faults"]["retention.ms"] == str(FAULTS_RETENTION_MS)
    assert int(settings["depth.faults"]["max.message.bytes"]) > int(settings["depth.raw"]["max.message.bytes"])
    assert topic_settings(NAMES, 10**12)["depth.faults"]["retention.ms"] == str(10**12)


def test_the_embedded_broker_makes_topics_in_its_own_way(embedded: EmbeddedBroker) -> None:
    broker = Broker(embedded.bootstrap_servers)
    first = create_topics(broker, NAMES, partitions=9, embedded=True)
    assert [(made.topic, made.partitions, made.created) for made in first] == [(name, 4, True) for name in NAMES]
    assert not any(made.created for made in create_topics(broker, NAMES, partitions=9, embedded=True))
    assert check_topics(broker, NAMES) == dict.fromkeys(NAMES, 4)


def test_another_number_of_partitions_is_refused_before_anything_is_made(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.metrics")
    broker = Broker(embedded.bootstrap_servers)
    with pytest.raises(PartitionsError, match=r"expected 8 partitions in each topic, received: depth\.metrics has 4"):
        create_topics(broker, NAMES, partitions=8)
    assert "depth.raw" not in broker.topics()


def test_missing_topics_are_named_with_the_line_that_makes_them(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.raw")
    with pytest.raises(
        TopicMissingError, match=r"missing: depth\.metrics, depth\.faults; create them with\n  obi topics"
    ):
        check_topics(Broker(embedded.bootstrap_servers), NAMES)


def test_topics_are_described_also_where_they_are_missing(embedded: EmbeddedBroker) -> None:
    embedded.create("depth.raw")
    raw, metrics, *_ = describe_topics(Broker(embedded.bootstrap_servers), NAMES)
    assert raw.exists
    assert raw.offsets == dict.fromkeys(range(4), (0, 0))
    assert not metrics.exists
