"""What the broker has acknowledged, by partition, and whether we were alone in writing it.

Owns the single-writer check of idempotent delivery. A partition gives its offsets one after the other, so what one writer
is told is dense: a hole is a message of somebody else. One report for many messages is enough to see that, since their
number is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, Message

from connectors.broker import LOG, DeliveryError
from connectors.terms import Claim

_ASK_EVERY_S: Final = 1.0
"""Two writers make holes with every batch, and asking whether one is superseded may be a question to the broker."""


class Acknowledged:
    """librdkafka's reports. ``ends`` has, by partition, the offset behind the last message that is known to be written.

    ``delivered`` runs while librdkafka is busy and does as little as it can; what it finds is looked at in ``check`` and
    ``settled``.

    Args:
        topic: that is written.
        claim: whose the partitions are, and what is done about a second writer.
        refused: told partition and error of a message that was not written.
        fail: told when acknowledged messages are gone.
        ends_now: asks the broker where partitions end.
    """

    def __init__(
        self,
        topic: str,
        claim: Claim,
        refused: Callable[[int, KafkaError], None],
        fail: Callable[[DeliveryError], None],
        ends_now: Callable[[Sequence[int]], Mapping[int, int]],
    ) -> None:
        self.ends: dict[int, int] = {}
        self._topic = topic
        self._claim = claim
        self._refused = refused
        self._fail = fail
        self._ends_now = ends_now
        self._doubtful: set[int] = set()
        self._holes: set[int] = set()
        self._warned: set[int] = set()
        self._ask_from = 0.0

    def begin(self, partition: int, end: int) -> None:
        """The partition ends there, the next message is expected to be ours."""
        self.ends[partition] = end

    def delivered(self, error: KafkaError | None, message: Message, count: int = 1) -> None:
        """A report of librdkafka's, for the last of ``count`` messages that were sent to its partition one after the other."""
        partition: int = message.partition()  # type: ignore[assignment]  # None only before a message is sent
        if error is not None:
            self._refused(partition, error)
            return
        offset, end = message.offset(), self.ends.get(partition)
        if offset is not None and end is not None and offset == end + count - 1:
            self.ends[partition] = offset + 1
        else:
            self._unexpected(partition, offset, count)

    def check(self) -> None:
        """Look at the holes, if there are any.

        Raises:
            SecondWriterError: another writer is the newer one.
        """
        if not self._holes or time.monotonic() < self._ask_from:
            return
        for partition in sorted(self._holes):
            self._claim.defend(self._topic, partition)
        if new := sorted(self._holes - self._warned):
            self._warned.update(new)
            LOG.warning(
                "another process wrote into partitions %s of %s; it is the older one and should stop, this one goes on",
                new,
                self._topic,
            )
        self._holes.clear()
        self._ask_from = time.monotonic() + _ASK_EVERY_S

    def settled(self) -> None:
        """Every message was reported, nothing is under way: what reports left open is asked of the broker."""
        if not self._doubtful:
            return
        doubtful, self._doubtful = sorted(self._doubtful), set()
        for partition, there in self._ends_now(doubtful).items():
            end = self.ends.get(partition, there)
            if there < end:
                self._fail(self._gone(partition, end, there))
                continue
            if there > end:
                self._holes.add(partition)
            self.ends[partition] = there

    def _unexpected(self, partition: int, offset: int | None, count: int) -> None:
        """A report that does not tell where the messages lie, or tells of others.

        Messages that were written by an earlier attempt, whose answer got lost, lie where the broker may not know any more;
        librdkafka then numbers those of a request from -1 (None in Python) on. That looks like a topic that was made anew.
        """
        end = self.ends.get(partition)
        least = (end or 0) + count - 1
        if offset is None or offset < least or (end is None and partition in self._doubtful):
            self._doubtful.add(partition)
            if end is not None:
                self.ends[partition] = end + count
            return
        self.ends[partition] = offset + 1
        if end is not None:
            self._holes.add(partition)

    def _gone(self, partition: int, end: int, there: int) -> DeliveryError:
        return DeliveryError(
            f"expected partition {partition} of topic {self._topic} to end at offset {end}, received {there}: messages that "
            "were acknowledged are gone, because the topic was made anew or a broker took over without them; start "
            "again to go on from there"
        )
