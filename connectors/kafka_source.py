"""Raw messages out of Kafka: one consumer for a fixed list of partitions, one batch a poll, offsets that are numbers.

Owns the position: what a recovery point remembers of the input, and the promise that nothing is skipped silently. No
group, no committed offsets: the position is in our own state, and a broker that no longer has it is an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, cast

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from typing_extensions import override

from connectors.broker import LOG, Broker, BrokerError, Stop, TopicMissingError, is_transient
from connectors.pace import FEW, Pace
from connectors.polled import raw_batch
from connectors.position import Position, gone, lost, start_position
from connectors.raw import Fault, RawBatch
from connectors.reading import reading
from connectors.source_observer import Settled, SourceObserver

_IDLE_S: Final = 0.01
"""How long a poll waits when nothing came before: the longest that Bytewax is held up, and 100 wake-ups a second."""

_LAG_EVERY_S: Final = 1.0

_LOOK_EVERY_S: Final = 30.0
_LOOK_S: Final = 0.2
"""A deleted topic looks like a quiet one to librdkafka's consumers: after 30 s of silence ask whether it is there."""

_LOST: Final = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001 (librdkafka's own codes)
_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
_GONE: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)  # noqa: SLF001


class KafkaSource(FixedPartitionedSource[RawBatch, Position]):
    """A topic's partitions as Bytewax's source; its items are whole batches.

    Args:
        broker: where.
        topic: of raw messages.
        parts: partitions by part name; each part has a consumer of its own. Names are part of the recovery state and are
            sorted as text.
        batch_size: messages of one batch, at most.
        start: ``earliest`` or ``latest``, for partitions that neither a recovery point nor ``begins`` knows.
        begins: next offset by partition, for those that no recovery point knows.
        accept_loss: messages that are gone become an ``offsets_lost`` fault a partition, instead of ending the job.
        until_end: stop where each partition ended when the source was built, instead of going on for ever.
        stop: when set, the source ends, so that the last epoch closes with a recovery point.
        observer: told how reading goes.
        on_settled: told when all is settled.
        on_rest: told when too little is there to be worth a batch: whoever holds something back can let go of it now.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        parts: Mapping[str, Sequence[int]],
        *,
        batch_size: int = 2000,
        start: str = "earliest",
        begins: Mapping[int, int] | None = None,
        accept_loss: bool = False,
        until_end: bool = False,
        stop: Stop | None = None,
        observer: SourceObserver | None = None,
        on_settled: Settled | None = None,
        on_rest: Callable[[], None] = lambda: None,
    ) -> None:
        self.broker = broker
        self.topic = topic
        self.parts = {name: tuple(partitions) for name, partitions in parts.items()}
        self.batch_size = batch_size
        self.start = start
        self.begins = begins or {}
        self.accept_loss = accept_loss
        self.until_end = until_end
        self.stop = stop
        self.observer = observer
        self.on_settled = on_settled
        self.on_rest = on_rest

    @override
    def list_parts(self) -> list[str]:
        return sorted(self.parts)

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: Position | None) -> KafkaSourcePart:
        return KafkaSourcePart(self, self.parts[for_part], resume_state)


def part_per_partition(partitions: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Each partition as a part of its own, for a Bytewax cluster, which spreads parts over its workers."""
    return {f"{partition:05d}": (partition,) for partition in partitions}


class KafkaSourcePart(StatefulSourcePartition[RawBatch, Position]):
    """One consumer and the position in its partitions.

    Raises:
        OffsetsLostError: a message that comes next is not there any more, and that is not accepted.
        BrokerError: the broker did not answer, or refused.
    """

    def __init__(self, source: KafkaSource, partitions: Sequence[int], resume: Position | None) -> None:
        self._source = source
        self._topic = source.topic
        there = source.broker.offsets(source.topic, partitions)
        known = {**{p: source.begins[p] for p in partitions if p in source.begins}, **dict(resume or ())}
        self._next = start_position(there, known, source.start)
        self._lost: list[Fault] = []
        self._skip_what_is_gone(there)
        self._ends = {partition: end for partition, (_, end) in there.items()} if source.until_end else {}
        self._open = {p for p in partitions if not self._ends or self._next[p] < self._ends[p]}
        self._complaint: int | None = None
        self._size_bytes = 0
        self._closed_at: float | None = None
        self._pace = Pace()
        self._lag_due = time.monotonic()
        self._look_due = self._lag_due + _LOOK_EVERY_S
        try:
            self._consumer = Consumer(reading(source.broker, tells_ends=source.until_end))
            self._assign()
        except KafkaException as error:
            raise source.broker.failed(f"messages of topic {self._topic}", error) from error

    @override
    def next_batch(self) -> list[RawBatch]:
        source = self._source
        self._pace.through(counts=self._closed_at is None)
        if self._closed_at is not None:
            self._go_on(self._closed_at)
        if self._lost:
            return [self._told_lost()]
        if not self._open or (source.stop is not None and source.stop.is_set()):
            raise StopIteration
        messages = self._poll(source.batch_size)
        self._tell_lag()
        if not messages:
            self._look_for_topic()
            return []
        events = [each for each in messages if each.error() is not None] if any(map(Message.error, messages)) else []
        if events:
            messages = [message for message in messages if message.error() is None]
        batch = self._columns(messages)
        for event in events:
            self._meet(event)
        if not len(batch):
            return []
        self._pace.given()
        return [batch]

    @override
    def snapshot(self) -> Position:
        self._closed_at = time.monotonic()
        if self._source.observer is not None:
            self._source.observer.recovery_point()
        return tuple(sorted(self._next.items()))

    @override
    def close(self) -> None:
        self._consumer.close()

    def _go_on(self, closed_at: float) -> None:
        """A new epoch: Bytewax asks for more only when the one before is done in every step, and stored."""
        self._closed_at = None
        if self._source.observer is not None:
            self._source.observer.epoch_pause(time.monotonic() - closed_at)
        if self._source.on_settled is not None:
            self._source.on_settled(self._next, self._size_bytes)

    def _assign(self) -> None:
        """Read on where reading stands."""
        self._consumer.assign([TopicPartition(self._topic, p, self._next[p]) for p in sorted(self._open)])

    def _poll(self, most: int) -> list[Message]:
        """What is there, at once, when it is worth a batch or the job has rested; else what comes until it has."""
        messages = self._consumer.consume(most, 0)
        if len(messages) < min(FEW, most):
            self._source.on_rest()
        if not messages and (first := self._consumer.poll(_IDLE_S)) is not None:
            messages = [first]
            if most > 1:  # others came with it
                messages += self._consumer.consume(most - 1, 0)
        if 0 < len(messages) < min(FEW, most) and (rest_s := self._pace.rest_s()):
            messages += self._consumer.consume(most - len(messages), rest_s)
        return messages

    def _columns(self, messages: list[Message]) -> RawBatch:
        """The messages column by column; the position moves behind them."""
        if self._ends:
            messages = self._before_the_end(messages)
        batch = raw_batch(self._topic, messages)
        # Offsets of a partition rise, so the last one of each is what stays in the dictionary.
        for partition, last in dict(zip(batch.partitions, batch.offsets, strict=True)).items():
            self._reach(partition, last + 1)
        if messages:
            self._all_well()
            size_bytes = sum(map(len, filter(None, batch.values)))
            self._size_bytes += size_bytes
            if self._source.observer is not None:
                self._source.observer.batch(len(messages), size_bytes)
        return batch

    def _before_the_end(self, messages: list[Message]) -> list[Message]:
        """Without what came after the run began; seeing such a message means that its partition is read to the end."""
        ends = self._ends
        late = {m.partition() for m in messages if m.offset() >= ends[m.partition()]}  # type: ignore[operator, index]
        for partition in cast("set[int]", late):
            self._reach(partition, ends[partition])
        return [m for m in messages if m.offset() < ends[m.partition()]] if late else messages  # type: ignore[operator, index]

    def _reach(self, partition: int, position: int) -> None:
        """Everything before ``position`` was read (or is not there); a partition that is at its end is closed."""
        self._next[partition] = max(position, self._next[partition])
        if self._ends and self._next[partition] >= self._ends[partition] and partition in self._open:
            self._open.discard(partition)
            self._consumer.pause([TopicPartition(self._topic, partition)])

    def _meet(self, event: Message) -> None:
        """What librdkafka says between messages."""
        error = cast("KafkaError", event.error())
        code, partition = error.code(), cast("int", event.partition())
        if code == _END:
            # Compaction and control records leave no message at the last offsets: the event tells where reading stands.
            if partition in self._ends:
                self._reach(partition, min(cast("int", event.offset()), self._ends[partition]))
        elif code in _LOST:
            self._skip_what_is_gone(self._source.broker.offsets(self._topic, [partition]))
            self._assign()  # librdkafka has given the partition up, and does not seek in it any more
        elif code in _GONE:
            raise self._gone(error)
        elif not is_transient(error):
            raise BrokerError(f"expected messages of topic {self._topic}, received: {error.str()}")
        elif code != self._complaint:
            self._complaint = code
            LOG.warning("reading %s is held up, trying on: %s", self._topic, error.str())

    def _skip_what_is_gone(self, there: Mapping[int, tuple[int, int]]) -> None:
        """Go on at the first offset that is there where earlier ones were deleted, when that is accepted."""
        missing = gone(there, self._next)
        if missing and (not self._source.accept_loss or any(wanted > end for wanted, _, end in missing.values())):
            raise lost(self._topic, missing)
        for partition, (wanted, first, _) in missing.items():
            detail = f"expected to read on at offset {wanted}, received: the earliest is {first}, {first - wanted} messages are lost"
            LOG.warning("partition %d of %s: %s", partition, self._topic, detail)
            self._lost.append(Fault("offsets_lost", detail, self._topic, partition, wanted, 0, None, None, None))
            self._next[partition] = first

    def _told_lost(self) -> RawBatch:
        faults, self._lost = self._lost, []
        return RawBatch(self._topic, lost=faults)

    def _look_for_topic(self) -> None:
        if time.monotonic() < self._look_due:
            return
        self._look_due = time.monotonic() + _LOOK_EVERY_S
        with suppress(KafkaException):  # no answer: that is not for us to judge here
            error = self._consumer.list_topics(self._topic, timeout=_LOOK_S).topics[self._topic].error
            if error is not None and error.code() in _GONE:
                raise self._gone(error)

    def _gone(self, error: KafkaError) -> TopicMissingError:
        servers = self._source.broker.bootstrap_servers
        return TopicMissingError(f"expected topic {self._topic} at {servers} to stay, received: {error.str()}")

    def _all_well(self) -> None:
        self._look_due = time.monotonic() + _LOOK_EVERY_S
        if self._complaint is not None:
            self._complaint = None
            LOG.info("reading %s again", self._topic)

    def _tell_lag(self) -> None:
        observer, now = self._source.observer, time.monotonic()
        if observer is None or now < self._lag_due:
            return
        self._lag_due = now + _LAG_EVERY_S
        for partition, position in self._next.items():
            known = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if known[1] >= 0:
                observer.lag(partition, max(0, known[1] - position))
