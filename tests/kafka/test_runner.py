"""The job as a process on a real broker: signals, restarts, refusals, a broker that dies meanwhile."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]  # not in __all__

from tests.deployment import PARTITIONS, Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics


def whole(count: int) -> list[list[int]]:
    return [list(range(1, count // PARTITIONS + 1))] * PARTITIONS


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_cleanly_and_a_restart_goes_on(deployment: Deployment, number: signal.Signals) -> None:
    deployment.send(0, 2000)
    with deployment.running() as process:
        deployment.wait_for(1)
        deployment.send(2000, 4000)
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
    deployment.send(4000, 5000)
    deployment.run()
    assert deployment.seqs() == whole(5000)


def test_a_record_that_is_refused_stops_with_3_and_a_restart_repeats_it(deployment: Deployment) -> None:
    admin = AdminClient({"bootstrap.servers": deployment.servers})

    def limit(size: int) -> None:
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, deployment.metrics, incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(30)

    deployment.send(0, 10)
    limit(100)
    assert "Message size too large" in deployment.run(code=3)
    assert deployment.seqs() == [[], []]
    limit(1_000_000)
    deployment.run()
    assert deployment.seqs() == whole(10)


def test_a_missing_topic_is_3_with_the_line_to_type(deployment: Deployment) -> None:
    deployment.raw = "not.there"
    said = deployment.run(code=3)
    assert f"obi topics create --bootstrap-servers {deployment.servers} --raw-topic not.there" in said


def test_a_second_job_on_the_same_state_is_3_with_the_pid_of_the_first(deployment: Deployment) -> None:
    deployment.send(0, 2)
    with deployment.running() as process:
        deployment.wait_for(2)
        assert f"process {process.pid} runs on it" in deployment.run(code=3)


def test_lost_offsets_are_3_with_what_to_do(deployment: Deployment) -> None:
    deployment.send(0, 10)
    deployment.run()
    deployment.send(10, 30)
    admin = AdminClient({"bootstrap.servers": deployment.servers})
    for future in admin.delete_records([TopicPartition(deployment.raw, 0, 9)]).values():
        future.result(30)
    said = deployment.run(code=3)
    assert "partition 0: expected to read on at offset 5, received: the earliest is 9, 4 messages were deleted" in said
    assert "obi run --accept-loss" in said


@pytest.mark.slow
def test_a_broker_that_dies_and_comes_back_loses_and_repeats_nothing(own_kafka: KafkaServer, tmp_path: Path) -> None:
    deployment = Deployment(own_kafka.bootstrap_servers, Topics(own_kafka.bootstrap_servers), tmp_path)
    deployment.send(0, 3000)
    with deployment.running() as process:
        deployment.wait_for(1)
        own_kafka.kill()
        time.sleep(3)
        assert process.poll() is None
        own_kafka.restart()
        deployment.send(3000, 4000)
        deployment.wait_for(4000)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
    assert deployment.seqs() == whole(4000)
