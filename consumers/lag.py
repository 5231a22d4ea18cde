"""How far records are behind the raw topic, told from the topics alone: no job is asked, none must run."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import orjson

from connectors.broker import Broker
from connectors.stretch import StretchReader, flat

_LOOK_BACK: Final = 50


def lag_of(broker: Broker, raw: str, metrics: str) -> dict[int, int]:
    """Raw messages after the newest record's source, by partition; trades among them have no record, so it is a bound.

    Raises:
        BrokerError: the broker did not answer.
    """
    raw_offsets = broker.offsets(raw, broker.partitions_of(raw))
    newest = _newest_sources(broker, metrics)
    return {
        partition: max(0, end - max(first, newest.get(partition, -1) + 1))
        for partition, (first, end) in raw_offsets.items()
    }


def _newest_sources(broker: Broker, metrics: str) -> dict[int, int]:
    """Highest source offset among the last records of each partition."""
    newest: dict[int, int] = {}
    for partition, (first, end) in broker.offsets(metrics, broker.partitions_of(metrics)).items():
        with closing(StretchReader(broker, metrics, partition)) as reader:
            last = flat(reader.read(max(first, end - _LOOK_BACK), end))
            newest[partition] = max((_source(message.value()) for message in last), default=-1)
    return newest


def _source(value: bytes | None) -> int:
    try:
        return int(orjson.loads(value or b"")["source"]["offset"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return -1
