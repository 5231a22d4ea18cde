"""A deployment that is replayed: topics, a journal, the job in this process, and the command `obi replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import orjson
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from typer.testing import CliRunner

from connectors.broker import Broker
from connectors.decoded import BookGroups
from connectors.journal import Checkpoint, Journal, Standing
from connectors.polled import raw_batch
from connectors.raw import Fault, RawBatch
from dataflows import checkpointer
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.generations import Choice
from dataflows.job import numbers_settings, pipeline_of
from dataflows.runner import run
from dataflows.settings import Settings
from obi.cli import app
from orderbook import Measurer
from tests.deployment import PARTITIONS, Deployment
from tests.kafka_topics import Topics

PARTITION = 1
"""The one that most tests look at."""


class Line(NamedTuple):
    """One message as it lies in a topic, without its offset."""

    key: bytes | None
    value: bytes
    timestamp_ms: int

    @classmethod
    def of(cls, message: Message) -> Line:
        return cls(message.key(), message.value() or b"", message.timestamp()[1])

    @property
    def answers_to(self) -> int:
        return int(orjson.loads(self.value)["source"]["offset"])


class World(Deployment):
    """A deployment with a journal, its job in this process, and the command."""

    def __init__(self, servers: str, topics: Topics, folder: Path) -> None:
        super().__init__(servers, topics, folder)
        self.broker = Broker(servers)
        self.checkpoints = topics.create("checkpoints", partitions=PARTITIONS)

    def go(self, choice: Choice | None = None, *, every: int, state: str = "state", **settings: Any) -> None:
        """Run the job to the end, with a checkpoint after so many messages of a partition, whatever its size."""
        own = {"state_dir": self.folder / state, "epoch_interval_ms": 20, "batch_size": 50, "log_level": "error"}
        with patch.object(checkpointer, "_SHARE", 0):
            run(self.settings(**own, checkpoint_interval=every, **settings), until_end=True, choice=choice)

    def settings(self, **more: Any) -> Settings:
        return Settings(
            bootstrap_servers=self.servers,
            raw_topic=self.raw,
            metrics_topic=self.metrics,
            faults_topic=self.faults,
            checkpoints_topic=self.checkpoints,
            **more,
        )

    def obi(self, *arguments: object, code: int = 0, **topics: str) -> Any:
        names = {
            "bootstrap-servers": self.servers,
            "raw-topic": self.raw,
            "metrics-topic": self.metrics,
            "faults-topic": self.faults,
            "checkpoints-topic": self.checkpoints,
            **{name.replace("_", "-"): topic for name, topic in topics.items()},
        }
        flags = [f"--{name}={value}" for name, value in names.items()]
        result = CliRunner().invoke(app, ["replay", *flags, *map(str, arguments)], env={"COLUMNS": "300"})
        assert result.exit_code == code, result.output
        return result

    def replayed(self, *arguments: object) -> list[bytes]:
        return [line.encode() for line in self.obi("-o", "-", *arguments).stdout.splitlines()]

    def messages(self, topic: str, partition: int = PARTITION) -> list[Message]:
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "x", "enable.auto.commit": False})
        part = TopicPartition(topic, partition, 0)
        first, end = consumer.get_watermark_offsets(part, timeout=10)
        consumer.assign([TopicPartition(topic, partition, first)])
        found = consumer.consume(end - first, 10) if end > first else []
        consumer.close()
        return found

    def lines(self, topic: str, partition: int = PARTITION) -> list[Line]:
        return [Line.of(message) for message in self.messages(topic, partition)]

    def by_offset(self, partition: int = PARTITION) -> list[Line]:
        return sorted(self.lines(self.metrics, partition), key=lambda line: line.answers_to)

    def raw_batch(self, partition: int = PARTITION) -> RawBatch:
        return raw_batch(self.raw, self.messages(self.raw, partition))

    def end(self, partition: int = PARTITION) -> int:
        return self.broker.offsets(self.raw, [partition])[partition][1]

    def measured(self, settings: Mapping[str, Any], partition: int = PARTITION) -> list[bytes]:
        """What the records are when all of a partition is measured from its first message on."""
        pipeline = pipeline_of(self.settings(**settings), Counts())
        [result] = measure_batches(pipeline, [self.raw_batch(partition)])
        return result.records

    def write(self, topic: str, lines: Iterable[Line], partition: int = PARTITION) -> None:
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 5})
        for line in lines:
            producer.produce(topic, line.value, line.key, partition, None, None, line.timestamp_ms)
        assert producer.flush(20) == 0

    def checkpoint(self, position: int, **settings: Any) -> None:
        """Write one as the job does: the states before a raw offset, and where the output behind it begins."""
        pipeline = pipeline_of(self.settings(**settings), Counts())
        measurers: dict[str, Measurer] = {}
        raw = self.raw_batch()
        for item in pipeline.decode([raw.only(PARTITION, {offset for offset in raw.offsets if offset < position})]):
            assert not isinstance(item, Fault)
            for group in item.groups() if isinstance(item, BookGroups) else [item]:
                pipeline.measure(measurers.setdefault(group.instrument, Measurer(pipeline.config)), group)
        behind = [m.offset() or 0 for m in self.messages(self.metrics) if Line.of(m).answers_to >= position]
        standing = Standing(1, position, min(behind), 0)
        states = {name: measurer.state() for name, measurer in measurers.items()}
        journal = Journal(self.broker, self.checkpoints)
        assert journal.checkpoint(PARTITION, Checkpoint(standing, numbers_settings(self.settings(**settings)), states))
        journal.close()

    def spoiled(self, topics: Topics, spoil: Callable[[list[Line]], list[Line]]) -> str:
        """A metrics topic whose partition is a changed copy."""
        topic = topics.create("spoiled", partitions=2)
        self.write(topic, spoil(self.lines(self.metrics)))
        return topic

    def delete(self, topic: str, before: int, partition: int = PARTITION) -> None:
        """As retention does."""
        admin = self.broker.admin()
        for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(30)
