"""The broker of the demo and of the quick tests: librdkafka's own mock cluster, in this process, over loopback.

It speaks the real protocol, needs nothing installed and is up in milliseconds. What it is not:

- every topic has `PARTITIONS` partitions and appears at its first use; there is no CreateTopics, no topic settings, no log-append time;
- about 5 MB or 100 000 messages are kept for each partition, older ones vanish;
- nothing is on disk: it lives as long as the object, in the process that made it (others may connect to its address);
- transactions are answered, not kept: they prove nothing here.

Whatever depends on one of these is tested against a real broker (tests/kafka).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, Producer
from typing_extensions import Self

if TYPE_CHECKING:
    from types import TracebackType

PARTITIONS = 4
"""Of every topic; librdkafka's default, which its Python client can't change."""

_QUIET = 0
"""librdkafka's log level: it would warn that `bootstrap.servers` is not used, which is the point."""


class EmbeddedBroker:
    """A Kafka broker in this process. A context manager; `close` ends the broker and what it holds."""

    def __init__(self) -> None:
        # The cluster belongs to the producer that asked for it, and its address is told by the metadata alone.
        self._owner: Producer | None = Producer(
            {"bootstrap.servers": "ignored:1", "test.mock.num.brokers": 1, "log_level": _QUIET}
        )
        brokers = self._owner.list_topics(timeout=10).brokers.values()
        self._address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    @property
    def bootstrap_servers(self) -> str:
        """What a client of this broker is given."""
        return self._address

    def create(self, *topics: str) -> None:
        """Make topics, so that a consumer that comes before the first producer finds them."""
        if self._owner is None:
            raise RuntimeError("the embedded broker is closed")
        for topic in topics:
            created = self._owner.list_topics(topic, timeout=10).topics[topic]
            if created.error is not None:
                raise KafkaException(created.error)

    def close(self) -> None:
        """End the broker; its clients see a lost connection. May be called twice."""
        self._owner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
