"""The metric record as JSON bytes, and its JSON Schema, both from ``orderbook.record.FIELDS``.

Owns the text form of schema 1: flat, fields in their fixed order, floats with all their digits, null for what is not
defined. The same numbers give the same bytes, whatever the batch.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any, Final, TypeAlias

import numpy as np
import orjson

from connectors import encode_plain
from connectors.encode_form import END, NUMBERS, SLOTS, SOURCES, TIME, Numbers, Texts
from connectors.outgoing import Columns
from kernels import compiled
from orderbook import cells
from orderbook.record import FIELDS, NAMES, OFI_SOURCES, SCHEMA, STATES
from orderbook.rows import Row

_KERNEL: Final = compiled("records")

_AT_ONCE: Final = 64
"""Rows whose floats become text in one go. That of a whole poll costs a quarter more: a megabyte that grows while it is made,
and has left the caches when it is cut. Between 32 and 512 rows it makes no difference."""


class RecordEncoder:
    """Rows to finished records, many instruments at once.

    Where the kernel was built the floats of many rows become text in one go, which is most of the work; the rest is copying
    names and digits.

    Args:
        pure: In plain Python even where the kernel was built.
    """

    def __init__(self, *, pure: bool = False) -> None:
        self._form = None if pure or _KERNEL is None or cells.KERNEL is None else _form(_KERNEL)

    def rows(self, rows: list[Row], metrics: Numbers) -> cells.Rows:
        """Rows of tuples as ``encode`` likes them best; see ``orderbook.cells.rows_of``."""
        return cells.rows_of(rows, metrics, kernel=None if self._form is None else cells.KERNEL)

    def encode(self, rows: cells.Rows, first: int, counts: list[int], texts: list[Texts], into: list[Columns]) -> None:
        """Encode the records of some instruments, one JSON document per row.

        Args:
            rows: What was measured, those of one instrument after those of another.
            first: The first row.
            counts: How many rows each instrument has, from the first one on.
            texts: For each instrument what ``texts_of`` gives.
            into: For each instrument where its records go to, in the order of their rows.

        Raises:
            ValueError: there are fewer rows, or not as many instruments in all of these.
        """
        if self._form is None:
            encode_plain.encode(rows, first, counts, texts, into)
        else:
            self._form.write(rows, first, counts, texts, into)


def _form(kernel: ModuleType) -> Any:
    numbers = np.empty(_AT_ONCE * len(NUMBERS))
    return kernel.Form(SLOTS, END, SOURCES, TIME, numbers, partial(orjson.dumps, option=orjson.OPT_SERIALIZE_NUMPY))


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
