"""Fault records: what goes into the faults topic, and into a faults file.

Owns the form of both. A fault in the topic is the original message with ``obi.*`` headers on top, so that it can be fed
again as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

import orjson

from connectors.outgoing import OutBatch
from connectors.raw import Fault, Headers

MAX_DETAIL_BYTES = 500
"""A detail is one line for a person; brokers bound the whole message."""


def encode_faults(faults: Iterable[Fault]) -> list[OutBatch]:
    """The faults as messages, one batch a partition (the source's number), each in the order given.

    Values are whole, whatever their size: what the topic takes is known when it refuses (``connectors.shrink_fault``).
    """
    batches: dict[int, OutBatch] = {}
    for fault in faults:
        batch = batches.get(fault.partition)
        if batch is None:
            batch = batches[fault.partition] = OutBatch(fault.partition, headers=[])
        batch.keys.append(fault.key)
        batch.values.append(fault.value)
        batch.timestamps_ms.append(fault.timestamp_ms)
        assert batch.headers is not None
        batch.headers.append(_headers(fault))
    return list(batches.values())


def _headers(fault: Fault) -> Headers:
    """The original headers, then ours: of two with one name the last counts."""
    return [
        *(fault.headers or ()),
        ("obi.reason", fault.reason.encode()),
        ("obi.detail", cut_detail(fault.detail)),
        ("obi.topic", fault.topic.encode()),
        ("obi.partition", b"%d" % fault.partition),
        ("obi.offset", b"%d" % fault.offset),
    ]


def cut_detail(detail: str) -> bytes:
    """A detail in UTF-8, at most MAX_DETAIL_BYTES long, no character cut in two."""
    encoded = detail.encode("utf-8", "backslashreplace")
    return encoded[:MAX_DETAIL_BYTES].decode("utf-8", "ignore").encode()


def fault_line(fault: Fault) -> bytes:
    """The fault as one line of JSON, without the line's end, for a faults file.

    The key is text, with backslash escapes for what is no UTF-8; the value is base64. Both are null when missing.
    """
    return orjson.dumps(
        {
            "reason": fault.reason,
            "detail": cut_detail(fault.detail).decode(),
            "topic": fault.topic,
            "partition": fault.partition,
            "offset": fault.offset,
            "key": None if fault.key is None else fault.key.decode("utf-8", "backslashreplace"),
            "value_base64": None if fault.value is None else base64.b64encode(fault.value).decode(),
        }
    )
