"""The metric record as a Python class, written from ``orderbook.record.FIELDS``: `make docs`.

Owns the text of ``consumers/metric_record.py``. It is a written file and not a class made at run time, so that editors and
type checkers of those who import it know its fields.
"""  # noqa: INP001  (a folder of documents, not a package)

from __future__ import annotations

from pathlib import Path
from typing import Final

from orderbook.record import FIELDS, NAMES, SCHEMA, Field

RECORD_CLASS_FILE: Final = Path(__file__).parent.parent / "consumers" / "metric_record.py"

_TYPES: Final = {"int": "int", "float": "float", "text": "str", "source": "Source"}
_FIRST: Final = NAMES.index("source") + 1
"""So many fields every record of schema 1 has; those behind came later, and older records don't have them."""

_TEXT: Final = '''"""One metric record, schema {schema}, as a typed value. Written by `make docs` from ``orderbook.record.FIELDS``: do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """The raw message that caused a record."""

    topic: str
    partition: int
    offset: int


# Not frozen: that makes fifty fields ten times as dear to set. Each question makes a record of its own.
@dataclass(slots=True)
class MetricRecord:
    """One metric record; None: not defined, see docs/metrics.md. Fields behind ``source`` are None in older records too.

    Attributes:
{attributes}
    """

{fields}
'''


def record_class_text() -> str:
    """The module, as its file holds it."""
    return _TEXT.format(
        schema=SCHEMA,
        attributes="\n".join(f"        {field.name}: {_described(field)}" for field in FIELDS),
        fields="\n".join(f"    {field.name}: {_type(at, field)}" for at, field in enumerate(FIELDS)),
    )


def _described(field: Field) -> str:
    unit = f" Unit: {field.unit}." if field.unit else ""
    return f"{field.doc}{unit}"


def _type(at: int, field: Field) -> str:
    always = at < _FIRST and not field.null_when
    return _TYPES[field.kind] if always else f"{_TYPES[field.kind]} | None"
