"""Records as Arrow tables and back: the columns of an exported file, made from the record's one definition.

Owns the columns. A record becomes one row and loses nothing: how many fields it had and fields that this version does
not know are kept beside its values, so that the same JSON can be written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa

from consumers.export.errors import ExportError
from orderbook.record import FIELDS, NAMES, SCHEMA, Field

_TYPES: Final = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}
_SOURCE: Final = ("topic", "partition", "offset")
_SOURCE_AT: Final = NAMES.index("source")

_PLACE: Final = (
    pa.field("kafka_partition", pa.int32(), False, {"doc": "Partition of the metrics topic."}),
    pa.field("kafka_offset", pa.int64(), False, {"doc": "Offset there: with the partition, the order of records."}),
    pa.field("kafka_timestamp_ms", pa.int64(), False, {"doc": "Kafka timestamp of the raw message.", "unit": "ms"}),
)
_REST: Final = (
    pa.field("record_fields", pa.int16(), False, {"doc": "How many of the record's fields there were."}),
    pa.field("other_fields", pa.string(), True, {"doc": "Fields of a newer version as JSON; null: none."}),
)


class Stored(NamedTuple):
    """One message of the metrics topic, and where it lies."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


def _fields(field: Field) -> list[pa.Field]:
    if field.kind == "source":
        kinds = (pa.string(), pa.int32(), pa.int64())
        return [
            pa.field(f"source_{name}", kind, True, {"doc": field.doc})
            for name, kind in zip(_SOURCE, kinds, strict=True)
        ]
    about = {"doc": field.doc, "unit": field.unit, "null_when": field.null_when}
    return [pa.field(field.name, _TYPES[field.kind], True, {name: text for name, text in about.items() if text})]


def schema(topic: str) -> pa.Schema:
    """The columns of an exported file; each tells its unit, its meaning and when it is null."""
    columns = [*_PLACE, *(column for field in FIELDS for column in _fields(field)), *_REST]
    return pa.schema(columns, {"obi.schema": str(SCHEMA), "obi.topic": topic})


def to_table(messages: Iterable[Stored], columns: pa.Schema) -> tuple[pa.Table, int]:
    """Records as rows, in their order; and how many messages were no records of ours.

    Raises:
        ExportError: a record of another schema, or a value that its field can't have.
    """
    rows, foreign, places = [], 0, []
    for message in messages:
        record = _record(message)
        if record is None:
            foreign += 1
        else:
            rows.append(_row(message, record))
            places.append(message)
    if not rows:
        return columns.empty_table(), foreign
    try:
        arrays = [pa.array(values, kind.type) for values, kind in zip(zip(*rows, strict=True), columns, strict=True)]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        first, last = places[0], places[-1]
        raise ExportError(
            f"partition {first.partition}, offsets {first.offset} .. {last.offset}: expected values as"
            f" docs/record.schema.json tells them, received: {error}"
        ) from None
    return pa.Table.from_arrays(arrays, schema=columns), foreign


def _record(message: Stored) -> Mapping[str, Any] | None:
    """The record; None of a message that is none."""
    try:
        record = orjson.loads(message.value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or not {"schema", "seq", "venue", "symbol"} <= record.keys():
        return None
    if record["schema"] != SCHEMA:
        raise ExportError(
            f"partition {message.partition}, offset {message.offset}: expected a record of schema {SCHEMA}, received"
            f" schema {record['schema']!r}; export it with the version of obi that wrote it"
        )
    return record


def _row(message: Stored, record: Mapping[str, Any]) -> list[Any]:
    count = len(record)
    values = list(record.values())
    other = None
    if tuple(record) != NAMES[:count]:
        known = [name for name in NAMES if name in record]
        values, count = [record.get(name) for name in NAMES], len(known)
        other = orjson.dumps({name: value for name, value in record.items() if name not in NAMES}).decode()
        if tuple(known) != NAMES[:count]:
            raise ExportError(
                f"partition {message.partition}, offset {message.offset}: expected the record's fields from the first"
                f" on, received: {', '.join(known)}"
            )
    values += [None] * (len(NAMES) - len(values))
    source = values[_SOURCE_AT] or {}
    values[_SOURCE_AT : _SOURCE_AT + 1] = [source.get(name) for name in _SOURCE]
    return [message.partition, message.offset, message.timestamp_ms, *values, count, other]


def from_table(table: pa.Table) -> Iterator[Stored]:
    """The messages that the rows came from, in the order of the rows."""
    for row in table.to_pylist():
        values = [
            {part: row[f"source_{part}"] for part in _SOURCE} if name == "source" else row[name]
            for name in NAMES[: row["record_fields"]]
        ]
        record = dict(zip(NAMES[: row["record_fields"]], values, strict=True))
        if row["other_fields"] is not None:
            record |= orjson.loads(row["other_fields"])
        yield Stored(row["kafka_partition"], row["kafka_offset"], row["kafka_timestamp_ms"], orjson.dumps(record))
