"""The metric record as JSON bytes, and its JSON Schema, both from ``orderbook.record.FIELDS``.

Owns the text form of schema 1: flat, fields in their fixed order, floats with all their digits, null for what is not
defined. The same numbers give the same bytes, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import orjson

from orderbook.measurer import Row
from orderbook.metrics import COLUMNS
from orderbook.record import DIFF, FIELDS, NAMES, OFI_SOURCES, SCHEMA, SNAPSHOT, STATES

if tuple(name for name in NAMES if name in COLUMNS) != COLUMNS:
    raise AssertionError(f"expected the columns in the order of the record's fields, received {COLUMNS}")


def encode_records(
    instrument: str, topic: str, partition: int, rows: Iterable[Row], metrics: Iterable[list[float]]
) -> list[bytes]:
    """Encode the records of one instrument.

    Args:
        instrument: ``venue:symbol``.
        topic: Where the messages that caused the records lie.
        partition: Their partition.
        rows: What the measurer gave.
        metrics: For each row the stateless metrics in the order of ``COLUMNS`` (NaN: not defined).

    Returns:
        One JSON document per row, in their order.
    """
    venue, _, symbol = instrument.partition(":")
    dumps, names, states = orjson.dumps, NAMES, STATES
    # Filled anew for each record: a new dictionary of so many fields would cost twice as much.
    document: dict[str, object] = dict.fromkeys(names)
    source: dict[str, object] = {"topic": topic, "partition": partition, "offset": None}
    records = []
    for row, of_book in zip(rows, metrics, strict=True):
        offset, _, receive, event, transaction, update_id, seq, delta, trade_delta, events, state, gaps, ofi = row[:13]
        source["offset"] = offset
        values = (
            SCHEMA, venue, symbol, seq, event, transaction, receive, update_id, of_book[0], delta, *of_book[1:15],
            trade_delta, events, states[state], gaps, source,
            of_book[15], of_book[16], ofi, of_book[17], *row[13:20], of_book[18], of_book[19],
            *(row.near or of_book[20:]), SNAPSHOT if row.near is None else DIFF,
        )  # fmt: skip
        document.update(zip(names, values))  # noqa: B905  # lengths held by a test, strict costs here
        records.append(dumps(document))
    return records


JsonSchema: TypeAlias = dict[str, object]

_SOURCE_SCHEMA: Final[JsonSchema] = {
    "type": "object",
    "properties": {
        "topic": {"type": "string"},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
    },
    "required": ["topic", "partition", "offset"],
    "additionalProperties": False,
}
_CHOICES: Final = {"state": STATES, "ofi_source": OFI_SOURCES}
_JSON_TYPES: Final = {"int": "integer", "float": "number", "text": "string"}


def record_schema() -> JsonSchema:
    """JSON Schema (draft 2020-12) of the metric record; ``docs/record.schema.json`` is this, written down."""
    properties: dict[str, JsonSchema] = {}
    for field in FIELDS:
        if field.kind == "source":
            properties[field.name] = {"description": field.doc, **_SOURCE_SCHEMA}
            continue
        json_type = _JSON_TYPES[field.kind]
        schema: JsonSchema = {
            "description": " ".join(filter(None, (field.doc, f"Unit: {field.unit}." if field.unit else ""))),
            "type": [json_type, "null"] if field.null_when else json_type,
        }
        if field.null_when:
            schema["description"] = f"{schema['description']} Null when: {field.null_when}."
        if field.minimum is not None:
            schema["minimum"] = field.minimum
        if field.maximum is not None:
            schema["maximum"] = field.maximum
        if field.name in _CHOICES:
            schema["enum"] = list(_CHOICES[field.name])
        properties[field.name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"obi metric record, schema {SCHEMA}",
        "description": "One record per depth message. New fields are added at the end; unknown fields are to be ignored.",
        "type": "object",
        "properties": properties,
        "required": list(NAMES),
        "additionalProperties": True,
    }
