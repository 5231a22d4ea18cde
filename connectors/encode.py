"""The metric record as JSON bytes, and its JSON Schema, both from ``orderbook.record.FIELDS``.

Owns the text form of schema 1: flat, fields in their fixed order, floats with all their digits, null for what is not
defined. The same numbers give the same bytes, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np
import orjson

from connectors import encode_plain
from connectors.encode_form import END, NEAR, NEAR_COUNT, NEAR_FROM, NUMBERS, SLOTS, SOURCES, Numbers, Texts
from kernels import compiled
from orderbook.record import FIELDS, NAMES, OFI_SOURCES, SCHEMA, STATES
from orderbook.rows import Row

_KERNEL: Final = compiled("records")


class RecordEncoder:
    """Rows to finished records, many instruments at once.

    Where the kernel was built all floats of a call become text in one go, which is most of the work; the rest is copying
    names and digits.

    Args:
        pure: In plain Python even where the kernel was built.
    """

    def __init__(self, *, pure: bool = False) -> None:
        self._form = None if pure or _KERNEL is None else _KERNEL.Form(SLOTS, END, SOURCES, NEAR, NEAR_FROM, NEAR_COUNT)

    def encode(self, rows: list[Row], metrics: Numbers, counts: list[int], texts: Iterable[Texts]) -> list[bytes]:
        """Encode the records of some instruments.

        Args:
            rows: What the measurer gave, those of one instrument after those of another.
            metrics: Of each row the stateless metrics, shape (n, 26), columns as in ``orderbook.metrics.COLUMNS`` (NaN: not
                defined).
            counts: How many rows each instrument has; n in all.
            texts: For each instrument what ``texts_of`` gives.

        Returns:
            One JSON document per row, in their order.

        Raises:
            ValueError: there are not as many metrics, or rows of instruments, as rows.
        """
        if self._form is None:
            return encode_plain.encode(rows, metrics, counts, texts)
        numbers = np.empty(len(rows) * len(NUMBERS))
        self._form.gather(rows, metrics, numbers)
        text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
        records: list[bytes] = self._form.write(rows, counts, list(texts), text)
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
