"""Messages as the client hands them over, column by column: the way from librdkafka's objects to a raw batch."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final, cast

from confluent_kafka import Message

from connectors.raw import Headers, RawBatch

_MS: Final = itemgetter(1)


def raw_batch(topic: str, messages: Sequence[Message]) -> RawBatch:
    """Messages column by column."""
    return RawBatch(
        topic,
        cast("list[int]", list(map(Message.partition, messages))),
        cast("list[int]", list(map(Message.offset, messages))),
        list(map(_MS, map(Message.timestamp, messages))),
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
        cast("list[Headers | None]", list(map(Message.headers, messages))),
    )
