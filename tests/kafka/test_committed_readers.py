"""Readers of a topic that was written in transactions: its last offset is a marker, not a message."""

from __future__ import annotations

import time

from confluent_kafka import Producer

from connectors.broker import Broker
from consumers.lag import lag_of
from consumers.look_back import LookBack
from consumers.record_tail import RecordTail
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


def test_a_reader_that_has_read_all_knows_it_though_a_marker_follows(kafka: Kafka, topics: Topics) -> None:
    servers = kafka.bootstrap_servers
    raw, metrics = topics.create("raw", partitions=2), topics.create("metrics", partitions=2)
    feed = Producer({"bootstrap.servers": servers})
    for offset in range(6):
        feed.produce(raw, b"%d" % offset, partition=0)
    assert feed.flush(10) == 0
    job = Producer({"bootstrap.servers": servers, "transactional.id": f"test-{metrics}"})
    job.init_transactions(30)
    for offset in range(5):
        job.begin_transaction()
        job.produce(
            metrics, b'{"venue":"v","symbol":"S","seq":%d,"source":{"offset":%d}}' % (offset + 1, offset), partition=0
        )
        job.commit_transaction(30)
    broker = Broker(servers)
    deadline = time.monotonic() + 10
    while broker.offsets(metrics, (0,))[0][1] < 10:  # readers see a commit a moment after it was answered
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert lag_of(broker, raw, metrics) == {0: 1, 1: 0}
    tail = RecordTail(broker, LookBack(200, 200).stretches(broker, metrics))
    seen = []
    while not tail.caught_up:
        assert time.monotonic() < deadline + 10
        seen += [arrived.record["seq"] for arrived in tail.poll(0.5)]
    tail.close()
    assert seen == [1, 2, 3, 4, 5]
