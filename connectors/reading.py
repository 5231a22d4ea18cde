"""How the job's consumer reads: librdkafka's settings, and why they are what they are.

Owns how much is asked for at once. It is decided here for the job alone: other readers of ours want one partition, or a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.broker import Broker

_FIXED: Final[Mapping[str, str | bool]] = {
    "enable.auto.commit": False,
    # Any other value would skip what is gone without a word.
    "auto.offset.reset": "error",
}
_DEFAULTS: Final[Mapping[str, str | int]] = {
    # librdkafka insists on a name; without subscription and commits nothing is ever stored under it.
    "group.id": "obi",
    # A full local queue is looked at again after this; the default of 1 s leaves the job without work meanwhile.
    "fetch.queue.backoff.ms": 20,
    # A fifth of a second at full speed; the default of 64 MB is no faster.
    "queued.max.messages.kbytes": 32_768,
}

_FETCH_BYTES: Final = 1_048_576
"""Of one answer of a broker, which is as much as one partition may put into it (librdkafka's default is fifty times that).

So one partition after the other is read, a poll has several messages of each of its instruments, and they are measured together.
And an answer never has more than the job takes in some 20 ms: those of 64 partitions that are behind would be 50 MB (and 130 MB
unpacked), and the job would wait for the next one.
"""


def reading(broker: Broker, *, tells_ends: bool) -> dict[str, Any]:
    """The consumer's configuration; ``tells_ends``: an event where a partition ends."""
    # Less than a message may have is refused by librdkafka, also where the user thought of the producer.
    largest = broker.kafka.get("message.max.bytes", "")
    fetch_bytes = max(_FETCH_BYTES, int(largest)) if largest.isdecimal() else _FETCH_BYTES
    return broker.config({**_FIXED, "enable.partition.eof": tells_ends}, {**_DEFAULTS, "fetch.max.bytes": fetch_bytes})
