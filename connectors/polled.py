"""Messages as the client hands them over, column by column: the way from librdkafka's objects to a raw batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from confluent_kafka import Message

from connectors.raw import Headers, RawBatch


def raw_batch(topic: str, messages: Sequence[Message]) -> RawBatch:
    """Messages column by column."""
    return RawBatch(
        topic,
        cast("list[int]", [message.partition() for message in messages]),
        cast("list[int]", [message.offset() for message in messages]),
        [message.timestamp()[1] for message in messages],
        [message.key() for message in messages],
        [message.value() for message in messages],
        cast("list[Headers | None]", [message.headers() for message in messages]),
    )
