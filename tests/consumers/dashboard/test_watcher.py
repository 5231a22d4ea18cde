"""The thread that reads the topics into the scene."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
import pytest
from confluent_kafka import Producer

from connectors.broker import Broker, TopicMissingError
from connectors.decode import Decoder
from connectors.embedded import EmbeddedBroker
from consumers.dashboard.scene import Scene
from consumers.dashboard.watcher import Topics, Watcher
from tests.consumers.dashboard.markets import BTC, market, records_of

TOPICS = Topics("raw", "metrics", "faults")


def write(embedded: EmbeddedBroker, *topics: str) -> None:
    """A simulated market, its records and one fault, as far as the topics are named."""
    raw = market(1.0)
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    if "raw" in topics:
        for value, key, headers in zip(raw.values, raw.keys, raw.headers, strict=True):
            producer.produce("raw", value, key, 0, headers=dict(headers or []))
    if "metrics" in topics:
        for item in records_of(raw):
            producer.produce("metrics", orjson.dumps(item.record), BTC.encode(), 0)
    if "faults" in topics:
        producer.produce("faults", b"{", BTC, 0, headers={"obi.reason": b"not_json", "obi.detail": b"what came"})
    assert producer.flush(10) == 0


def new_scene() -> Scene:
    return Scene(Decoder(depth_levels=50), levels=50, keep_s=60)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_records_books_and_faults_come_from_their_topics(embedded: EmbeddedBroker) -> None:
    embedded.create(*TOPICS)
    write(embedded, *TOPICS)
    scene = new_scene()
    with Watcher(Broker(embedded.bootstrap_servers), TOPICS, scene, back_s=60):
        wait(lambda: scene.status.caught_up and scene.figures.lag is not None)
        write(embedded, "metrics")
        wait(lambda: scene.figures.records_per_s > 0.0)

    assert (scene.status.share_read, scene.status.error, scene.status.notes) == (1.0, None, ())
    assert [line.instrument for line in scene.board.lines()] == [BTC]
    assert scene.books.instruments() == [BTC]
    assert [(line.instrument, line.text) for line in scene.happenings.newest(9) if line.kind == "fault"] == [
        (BTC, "not_json: what came")
    ]


def test_a_raw_or_faults_topic_that_is_not_there_is_told(embedded: EmbeddedBroker) -> None:
    embedded.create("metrics")
    write(embedded, "metrics")
    scene = new_scene()
    with Watcher(Broker(embedded.bootstrap_servers), TOPICS, scene, back_s=60):
        wait(lambda: scene.status.caught_up)

    assert scene.status.notes == (
        "there is no topic raw: no books are shown",
        "there is no topic faults: no faults are shown",
    )
    assert scene.figures.lag is None
    assert scene.board.total > 0


def test_without_a_metrics_topic_there_is_nothing_to_show(embedded: EmbeddedBroker) -> None:
    with pytest.raises(TopicMissingError, match="expected topic metrics"):
        Watcher(Broker(embedded.bootstrap_servers), TOPICS, new_scene(), back_s=60)


def test_records_of_a_newer_schema_end_the_reading_with_words(embedded: EmbeddedBroker) -> None:
    embedded.create("metrics")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    producer.produce("metrics", b'{"schema":2,"seq":1}', BTC, 0)
    assert producer.flush(10) == 0
    scene = new_scene()
    with Watcher(Broker(embedded.bootstrap_servers), TOPICS, scene, back_s=60):
        wait(lambda: scene.status.error)

    assert str(scene.status.error).startswith("expected records of schema 1, received one of schema 2; install")
