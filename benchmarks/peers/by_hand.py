"""A loop written by hand: consume, compute, produce. ``python -m benchmarks.peers.by_hand BOOTSTRAP RAW OUT PARTITIONS MESSAGES``.

No state survives it, no delivery is checked. Its client is tuned as the fastest loop's (see ``benchmarks.loop``).
"""

from __future__ import annotations

import sys

import orjson

from benchmarks.loop import POLL, clients
from benchmarks.peers.eight import Memory, step


def run(bootstrap: str, raw: str, out: str, partitions: int, messages: int) -> None:
    """One record for each of so many messages."""
    consumer, producer = clients(bootstrap, raw, partitions, tuned=True)
    memories: dict[bytes | None, Memory] = {}
    done = 0
    while done < messages:
        polled = consumer.consume(POLL, 0.1)
        for message in polled:
            key = message.key()
            data = orjson.loads(message.value() or b"")["data"]
            memories[key], record = step(memories.get(key), data)
            producer.produce(out, orjson.dumps(record), key, message.partition() or 0)
        done += len(polled)
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    servers, raw_topic, out_topic, count, total = sys.argv[1:]
    run(servers, raw_topic, out_topic, int(count), int(total))
