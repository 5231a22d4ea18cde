"""The broker's side of a benchmark: topics, the input, and what a run left in its output.

Owns that no run sees what another one made: every topic that appears during a run is deleted after it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # .admin re-exports it, but type checkers are not told
from confluent_kafka.cimpl import NewTopic

from benchmarks.contestants import Contestant, Place
from benchmarks.throughput import Ends, Landed, Sample, run, sample
from benchmarks.workload import Message
from tests.kafka_reading import Read, read_topic

_POLL_EVERY: Final = 2_000
_ANSWER_S: Final = 30.0
_WAITING: Final = 200_000
_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_CONFIG: Final = {"retention.ms": "-1"}


class Input(NamedTuple):
    """A loaded raw topic: messages in it, and how many of them make a record."""

    topic: str
    messages: int
    records: int


class Stage:
    """One broker, any number of inputs, any number of runs over them.

    Args:
        bootstrap: the broker.
        partitions: of every topic.
        folder: state and logs of the runs.
        broker_pid: of the broker's process, when it runs here.
    """

    def __init__(self, bootstrap: str, partitions: int, folder: Path, broker_pid: int | None = None) -> None:
        self.bootstrap = bootstrap
        self._partitions = partitions
        self._folder = folder
        self._broker_pid = broker_pid
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._mark = uuid.uuid4().hex[:8]
        self._runs = 0

    def load(self, topic: str, messages: Iterable[Message]) -> Input:
        """Make a raw topic and write the input into it."""
        self.create(topic)
        # Idempotent: else a batch that is sent again (a partition that is new has no leader yet) comes behind later ones.
        settings = {"enable.idempotence": True, "linger.ms": 50, "compression.type": "lz4"}
        settings["queue.buffering.max.messages"] = 2 * _WAITING
        producer = Producer({"bootstrap.servers": self.bootstrap, **settings})
        written = records = 0
        for message in messages:
            producer.produce(topic, message.value, message.key, message.partition)
            written += 1
            records += message.is_depth
            if written % _POLL_EVERY == 0:
                producer.poll(0)
                while len(producer) > _WAITING:
                    producer.poll(0.1)
        if left := producer.flush(60):
            raise RuntimeError(f"expected the input to be written, {left} messages were not")
        return Input(topic, written, records)

    def sample(
        self,
        contestant: Contestant,
        given: Input,
        *,
        metrics_addr: str | None = None,
        on_look: Callable[[], None] = lambda: None,
        read: Callable[[Iterator[Read]], None] | None = None,
    ) -> Sample:
        """Run one contestant once, into a fresh topic; ``read`` gets the records before they are deleted."""
        self._runs += 1
        name = f"run-{self._mark}-{self._runs}"
        place = Place(
            self.bootstrap,
            given.topic,
            f"out-{self._mark}-{self._runs}",
            self._partitions,
            given.messages,
            self._folder / name,
            name,
            metrics_addr,
        )
        place.folder.mkdir()
        records = given.records if contestant.computes else given.messages
        log = self._folder / f"{name}.log"
        with self.cleaned():
            self.create(place.out)
            self.create(f"{place.out}.faults")
            done = run(
                contestant.command(place),
                lambda: self.ends(place.out),
                records,
                log,
                stops_by_itself=contestant.ends,
                broker_pid=self._broker_pid,
                on_look=on_look,
            )
            landed = self._landed(place.out, contestant)
            if read is not None:
                read(read_topic(self.bootstrap, place.out))
            try:
                return sample(done, landed, given.messages, records)
            except RuntimeError as error:
                raise RuntimeError(f"{contestant.name}: {error}; it said:\n{log.read_text()[-2000:]}") from error

    @contextmanager
    def cleaned(self) -> Iterator[None]:
        """All topics that appear in the block are deleted behind it."""
        before = self.topics()
        try:
            yield
        finally:
            if own := [topic for topic in self.topics() - before if not topic.startswith("__")]:
                for future in self._admin.delete_topics(own).values():
                    future.result(_ANSWER_S)

    def create(self, topic: str) -> None:
        """Make a topic and wait until it is known."""
        self._admin.create_topics([NewTopic(topic, self._partitions, 1, config=_CONFIG)])[topic].result(_ANSWER_S)
        while not self._is_ready(topic):
            time.sleep(0.02)

    def topics(self) -> set[str]:
        """Names of all topics."""
        return set(self._admin.list_topics(timeout=_ANSWER_S).topics)

    def ends(self, topic: str) -> Ends:
        """End offsets of its partitions, in one question; records of open transactions count, they are written."""
        asked = {TopicPartition(topic, partition): _LATEST for partition in range(self._partitions)}
        answers = self._admin.list_offsets(asked, request_timeout=_ANSWER_S)
        by_partition = {part.partition: answer.result().offset for part, answer in answers.items()}
        return tuple(by_partition[partition] for partition in range(self._partitions))

    def _landed(self, topic: str, contestant: Contestant) -> Landed:
        """Offsets tell what is there; where markers of transactions take some, only reading does."""
        ends = self.ends(topic)
        if not contestant.transactional:
            return Landed(sum(ends), ends)
        count, found = 0, [0] * self._partitions
        for message in read_topic(self.bootstrap, topic):
            count += 1
            found[message.partition] = message.offset + 1
        return Landed(count, tuple(found))

    def _is_ready(self, topic: str) -> bool:
        found = self._admin.list_topics(topic, timeout=_ANSWER_S).topics[topic]
        leaders = [partition.leader for partition in found.partitions.values()]
        return found.error is None and len(leaders) == self._partitions and min(leaders) >= 0
