"""What the broker has acknowledged, by partition, and whether we were alone in writing it.

Owns the single-writer check of idempotent delivery. A partition gives its offsets one after the other, so what one writer
is told is dense: a hole is a message of somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, Message

from connectors.broker import LOG, DeliveryError
from connectors.terms import Claim

_ASK_EVERY_S: Final = 1.0
"""Two writers make holes with every batch, and asking whether one is superseded may be a question to the broker."""


class Acknowledged:
    """librdkafka's reports. ``ends`` has, by partition, the offset behind the last message that is known to be written.

    ``delivered`` runs once a message and does as little as it can; what it finds is looked at in ``check``.
    """

    def __init__(
        self,
        topic: str,
        claim: Claim,
        refused: Callable[[int, KafkaError], None],
        fail: Callable[[DeliveryError], None],
    ) -> None:
        self.ends: dict[int, int] = {}
        self._topic = topic
        self._claim = claim
        self._refused = refused
        self._fail = fail
        self._repeated: dict[int, int] = {}
        self._holes: set[int] = set()
        self._warned: set[int] = set()
        self._ask_from = 0.0

    def begin(self, partition: int, end: int) -> None:
        """The partition ends there, the next message is expected to be ours."""
        self.ends[partition] = end

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """A report of librdkafka's."""
        partition: int = message.partition()  # type: ignore[assignment]  # None only before a message is sent
        if error is not None:
            self._refused(partition, error)
            return
        offset = message.offset()
        if offset is not None and offset == self.ends.get(partition):
            self.ends[partition] = offset + 1
        else:
            self._unexpected(partition, offset)

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

    def _unexpected(self, partition: int, offset: int | None) -> None:
        end = self.ends.get(partition)
        if offset is None or self._is_repeated(partition, offset):
            self._repeated[partition] = 0 if offset is None else offset + 1
            if end is not None:
                self.ends[partition] = end + 1
            return
        if end is None or offset > end:
            self.ends[partition] = offset + 1
            if end is not None:
                self._holes.add(partition)
            return
        self._fail(
            DeliveryError(
                f"expected offset {end} in partition {partition} of topic {self._topic}, received {offset}: messages that "
                "were acknowledged are gone, because the topic was made anew or a broker took over without them; start "
                "again to go on from there"
            )
        )

    def _is_repeated(self, partition: int, offset: int) -> bool:
        """Whether a message was written by an earlier attempt whose answer got lost.

        Where it lies the broker may not know any more. librdkafka then numbers the messages of that batch from -1 (None in
        Python) on: the second has 0.
        """
        end = self.ends.get(partition)
        return offset == self._repeated.get(partition) and (end is None or offset < end)
