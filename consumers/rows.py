"""A record of the metrics topic as a row: its values in the order of ``FIELDS``. Pure.

Owns what is read from a parsed document, and what is not: unknown fields are passed over (each version may add some at the
end), fields that an older record does not have are None, and a record of a newer schema is refused, because its numbers
may mean something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

from consumers.metric_record import MetricRecord, Source
from orderbook.record import FIELDS, NAMES, SCHEMA

Row: TypeAlias = tuple[Any, ...]
"""The values of one record, in the order of ``NAMES``."""

AT: Final[Mapping[str, int]] = {name: at for at, name in enumerate(NAMES)}
"""Where a field stands in a row."""

_NO_FEATURES: Final = frozenset(
    {"schema", "seq", "event_time_ms", "transaction_time_ms", "receive_time_ns", "update_id", "gaps"}
)
"""Numbers that say which record it is, not how the book is."""

FEATURES: Final = tuple(
    field.name for field in FIELDS if field.kind in {"int", "float"} and field.name not in _NO_FEATURES
)
"""All fields that models can take, in the record's order."""

_all_fields: Final = itemgetter(*NAMES)
_SOURCE: Final = AT["source"]
IDENTITY: Final = {"venue": str, "symbol": str, "seq": int}
"""What every metric record tells, whatever its version: which it is."""


class NewerSchemaError(RuntimeError):
    """A record was written by a newer version, whose fields may mean something else."""


class NoRecordError(ValueError):
    """What lies in the topic is no metric record."""


def is_newer(document: Mapping[str, Any]) -> bool:
    """Whether its schema is above ours."""
    schema = document.get("schema", SCHEMA)
    return schema != SCHEMA and isinstance(schema, int) and schema > SCHEMA


def check_schema(document: Mapping[str, Any]) -> None:
    """Let pass what this version understands.

    Raises:
        NewerSchemaError: Its schema is above ours.
    """
    if is_newer(document):
        raise NewerSchemaError(
            f"expected records of schema {SCHEMA}, received one of schema {document['schema']}; install the version of obi "
            "that wrote it"
        )


def row_of(document: Mapping[str, Any]) -> Row:
    """The row of a parsed record.

    Raises:
        NewerSchemaError: Its schema is above ours.
        NoRecordError: It does not tell venue, symbol and seq.
    """
    check_schema(document)
    for name, kind in IDENTITY.items():
        if type(document.get(name)) is not kind:
            raise NoRecordError(f"expected a metric record with {name}, received {document.get(name)!r} there")
    try:
        row: Row = _all_fields(document)
    except KeyError:
        row = tuple(map(document.get, NAMES))
    return row


def record_of(row: Row) -> MetricRecord:
    """The typed record of a row."""
    source = row[_SOURCE]
    if isinstance(source, dict):
        source = Source(source["topic"], source["partition"], source["offset"])
    values = (*row[:_SOURCE], source, *row[_SOURCE + 1 :])
    return MetricRecord(*values)


def places_of(names: Iterable[str]) -> tuple[int, ...]:
    """Where features stand in a row.

    Raises:
        ValueError: A name that is no feature.
    """
    names = tuple(names)
    if wrong := [name for name in names if name not in FEATURES]:
        raise ValueError(f"expected names of {', '.join(FEATURES)}; received {', '.join(map(repr, wrong))}")
    return tuple(AT[name] for name in names)


def take(row: Row, places: Sequence[int]) -> list[float]:
    """The values at these places; NaN where one is not defined."""
    return [_NAN if (value := row[at]) is None else float(value) for at in places]


_NAN: Final = float("nan")
