"""On what terms messages are written: for whom, with how much patience, and what is done about a second writer.

Owns what all parts of a sink have in common, whichever way they deliver, and the words of the errors that both ways raise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import KafkaError

from connectors.broker import (
    LARGEST_MESSAGE_BYTES,
    LOG,
    SECOND_WRITER,
    Broker,
    DeliveryError,
    SecondWriterError,
    Stop,
)
from connectors.outgoing import Shrink
from connectors.tail import Identify

WAIT_S: Final = 3600.0
"""How long to wait for acknowledgements of a broker that is away, before the job stops. Nothing is lost either way."""

STOP_WAIT_S: Final = 20.0
"""The same after a request to stop: whoever stops a job does not wait for ever."""

CLOSE_WAIT_S: Final = 5.0
SLICE_S: Final = 0.5
"""How long one call into librdkafka may take while waiting: failures, requests to stop and the log are looked at between."""

# No compression: lz4 would cost 1.7 us a record in librdkafka's thread, a fifth of the whole job, and send a third of the bytes.
# Which of the two is dearer is for the user to say.
PRODUCER_DEFAULTS: Final[Mapping[str, str | int]] = {
    # While a partition has a request under way, librdkafka's idempotent producer does not send it another, and whenever a
    # message has lingered by then, its thread looks for the answer all the time without sleeping (1 us of a core a message).
    # Answers come within this. It holds nothing up: who has nothing to do tells the outlet to push.
    "linger.ms": 20,
    # What an epoch may have under way; enough for a second at full speed.
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 262_144,
    "message.max.bytes": LARGEST_MESSAGE_BYTES + 65_536,
}

REFUSALS: Final = 3
"""Failed authentications in a row that end the job."""

_SAY_EVERY_S: Final = 10.0


@dataclass(frozen=True)
class Patience:
    """How long a broker may be away: ``wait_s``, or 20 s once ``stop`` is set."""

    wait_s: float = WAIT_S
    stop: Stop | None = None

    def limit_s(self) -> float:
        """How long to wait for the broker from now on."""
        stopping = self.stop is not None and self.stop.is_set()
        return min(self.wait_s, STOP_WAIT_S) if stopping else self.wait_s


class Waiting:
    """A wait for the broker that is seen in the log and ends."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._start = self._said = time.monotonic()

    def go_on(self, why: str) -> None:
        """Wait on.

        Raises:
            DeliveryError: it took too long.
        """
        now = time.monotonic()
        limit_s = self._patience.limit_s()
        if now - self._start > limit_s:
            raise not_delivered(f"expected the broker to acknowledge within {limit_s:g} s, but {why}")
        if now - self._said > _SAY_EVERY_S:
            self._said = now
            LOG.warning("waiting for the broker since %.0f s: %s", now - self._start, why)


@dataclass(frozen=True)
class Claim:
    """Whose the partitions are.

    Args:
        who: names this writer in errors, e.g. ``shard 0/4``.
        superseded: whether a newer writer of this partition has started since; without it, every second writer ends us.
        on_rival: told the partition each time that another, older writer was noticed there.
    """

    who: str = "this job"
    superseded: Callable[[int], bool] | None = None
    on_rival: Callable[[int], None] | None = None

    def defend(self, topic: str, partition: int) -> None:
        """Another writer was noticed: the newer one goes on.

        Raises:
            SecondWriterError: that is not us.
        """
        if self.superseded is None or self.superseded(partition):
            raise SecondWriterError(
                f"expected to be the only writer of partition {partition} of topic {topic}, but another process writes it "
                f"as well: {self.who} {SECOND_WRITER}. Stop one of the two; nothing is lost, extra copies are "
                "byte-equal, and readers drop them by seq"
            )
        if self.on_rival is not None:
            self.on_rival(partition)


@dataclass
class Stopwatch:
    """How long the parts of a sink have held the stream up in all, at the ends of epochs."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time spent inside."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - begun


@dataclass(frozen=True)
class Terms:
    """What all parts of a sink have in common.

    Args:
        broker: where.
        topic: to write to.
        identify: tells messages that were written from new ones; without it, a crash repeats messages.
        shrink: for messages that the broker finds too large; without it they stop the job.
        patience: how long a broker may be away.
        claim: what is done about a second writer.
        flushes: runs while a part waits for its last messages at an epoch's end.
    """

    broker: Broker
    topic: str
    identify: Identify | None = None
    shrink: Shrink | None = None
    patience: Patience = field(default_factory=Patience)
    claim: Claim = field(default_factory=Claim)
    flushes: Stopwatch = field(default_factory=Stopwatch)


def not_delivered(what: str) -> DeliveryError:
    """The error of messages that could not be written."""
    return DeliveryError(
        f"{what}; nothing is lost: once the broker and the topic are well, start again, and the job repeats everything "
        "after its last recovery point"
    )


def not_taken(topic: str, error: KafkaError) -> DeliveryError:
    """The error of a producer that can't go on."""
    return not_delivered(f"expected the broker to take messages for topic {topic}, received: {error.str()}")


def refused(topic: str, partition: int, error: KafkaError) -> DeliveryError:
    """The error of a message that the broker won't take."""
    return not_delivered(f"expected partition {partition} of topic {topic} to take a message, received: {error.str()}")
