"""The journal of a job: who began to write an output partition, and checkpoints of the state at raw offsets.

Owns the form of the journal's messages, and the writing. Partition P of the journal topic speaks of partition P of the raw
and the output topics. Nothing in the job's own recovery needs it; without it there is no quick replay, no state from the
topics alone, and no way to tell the newer of two writers. Kinds of messages, in the header ``obi.kind``:

    start         a process begins to write the partition from a position on. Of two writers the one that started last is right
    state         one instrument's memory (key: the instrument) at a position
    checkpoint    ends the states of a position, tells how many there are, and where the output ended

The headers ``obi.generation`` and ``obi.position`` never go back from one message to the next but by accident, so that a
reader may search by halves.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.broker import LARGEST_MESSAGE_BYTES, LOG, REQUEST_S, Broker, BrokerError
from connectors.raw import Headers

KIND: Final = "obi.kind"
GENERATION: Final = "obi.generation"
POSITION: Final = "obi.position"
WRITER: Final = "obi.writer"
START, STATE, CHECKPOINT = b"start", b"state", b"checkpoint"

_PRODUCER: Final[Mapping[str, bool | int]] = {"enable.idempotence": True}
_PRODUCER_DEFAULTS: Final[Mapping[str, int | str]] = {
    "linger.ms": 5,
    "compression.type": "lz4",
    "message.max.bytes": LARGEST_MESSAGE_BYTES + 65_536,
    # A checkpoint of many full books waits here while it is sent; one that has no room is left out.
    "queue.buffering.max.kbytes": 262_144,
}


class Standing(NamedTuple):
    """Where one partition stands when nothing is under way.

    ``generation`` of the output; ``position``: offset of the raw message that comes next; ``metrics_offset`` and
    ``faults_offset``: everything that is written later lies at these offsets or behind.
    """

    generation: int
    position: int
    metrics_offset: int
    faults_offset: int


class Start(NamedTuple):
    """A process began to write; ``fresh`` when it remembered nothing: the beginning of a generation."""

    standing: Standing
    shard: str
    settings: Mapping[str, Any]
    fresh: bool = True


class Checkpoint(NamedTuple):
    """The memory of all instruments of a partition, exactly before the raw message at ``standing.position``.

    ``settings`` are those that the numbers depend on; ``states`` the measurers' states by instrument.
    """

    standing: Standing
    settings: Mapping[str, Any]
    states: Mapping[str, bytes]


class Journal:
    """Writes the journal.

    Raises:
        BrokerError: the producer could not be made.
    """

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._writer = uuid.uuid4().hex.encode()
        self._lost: KafkaError | None = None
        try:
            hooks = {"on_delivery": self._delivered}
            self._producer = Producer(broker.config({**_PRODUCER, **hooks}, _PRODUCER_DEFAULTS))
        except KafkaException as error:
            raise broker.failed(f"to write topic {topic}", error) from error

    def start(self, starts: Mapping[int, Start]) -> dict[int, int]:
        """Tell by partition that this process writes from here on; the offsets of these messages, once they are acknowledged.

        Raises:
            BrokerError: the broker did not take them.
        """
        offsets: dict[int, int] = {}
        for number, start in starts.items():
            standing, shard, settings, fresh = start
            value = orjson.dumps({**standing._asdict(), "shard": shard, "settings": settings, "fresh": fresh})
            report = partial(self._started, offsets)
            headers: list[tuple[str, str | bytes | None]] = [*self._headers(START, standing)]
            self._producer.produce(self._topic, value, START, number, report, headers=headers)
        self._producer.flush(REQUEST_S)
        if missing := sorted(starts.keys() - offsets.keys()):
            why = "no answer" if self._lost is None else self._lost.str()
            raise BrokerError(f"expected to write partitions {missing} of topic {self._topic}, received: {why}")
        return offsets

    def checkpoint(self, partition: int, checkpoint: Checkpoint) -> bool:
        """Send a checkpoint; whether it is on its way. One that can't be written is left out with a warning: an older one serves."""
        standing, settings, states = checkpoint
        end = orjson.dumps({**standing._asdict(), "states": len(states), "settings": settings})
        messages = [(STATE, instrument.encode(), state) for instrument, state in states.items()]
        try:
            for kind, key, value in [*messages, (CHECKPOINT, CHECKPOINT, end)]:
                headers: list[tuple[str, str | bytes | None]] = [*self._headers(kind, standing)]
                self._producer.produce(self._topic, value, key, partition, headers=headers)
        except (BufferError, KafkaException) as error:
            LOG.warning("checkpoint %d of partition %d is left out: %s", standing.position, partition, error)
            return False
        return True

    def poll(self) -> None:
        """Let reports come in."""
        self._producer.poll(0)

    def close(self) -> None:
        """Send what is left, for a moment. Never raises."""
        if left := self._producer.flush(2.0):
            LOG.warning("%d messages of the last checkpoints are not acknowledged; older ones serve", left)

    def _headers(self, kind: bytes, standing: Standing) -> Headers:
        return [
            (KIND, kind),
            (GENERATION, b"%d" % standing.generation),
            (POSITION, b"%d" % standing.position),
            (WRITER, self._writer),
        ]

    def _started(self, offsets: dict[int, int], error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._lost = error
        else:
            offsets[message.partition() or 0] = message.offset() or 0

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() != getattr(self._lost, "code", lambda: None)():
            self._lost = error
            LOG.warning("a checkpoint of partition %s is not written: %s", message.partition(), error.str())
