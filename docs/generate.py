"""Writes what the documentation says about the record from the one definition in code: `python -m docs.generate`.

Owns two generated parts: ``docs/record.schema.json``, and the table between the markers of ``docs/metrics.md``. A test
holds both equal to the code.
"""  # noqa: INP001  (a folder of documents, not a package)

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from connectors.encode import record_schema
from orderbook.record import FIELDS, Field

DOCS: Final = Path(__file__).parent
SCHEMA_FILE: Final = DOCS / "record.schema.json"
METRICS_FILE: Final = DOCS / "metrics.md"
BEGIN: Final = "<!-- fields: written by `make docs` from orderbook/record.py -->"
END: Final = "<!-- end of fields -->"

_KINDS: Final = {"int": "integer", "float": "number", "text": "text", "source": "object"}


def schema_text() -> str:
    """The JSON Schema of the record, as its file holds it."""
    return json.dumps(record_schema(), indent=2) + "\n"


def fields_table() -> str:
    """The record's fields in their order, as a Markdown table."""
    rows = ["| field | type | unit | range | null when | meaning |", "|---|---|---|---|---|---|"]
    rows += [
        f"| `{field.name}` | {_KINDS[field.kind]} | {field.unit} | {_range(field)} | {field.null_when or 'never'} | {field.doc} |"
        for field in FIELDS
    ]
    return "\n".join(rows)


def with_table(text: str) -> str:
    """The text with the table of now between the markers.

    Raises:
        ValueError: The markers are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN} and {END} in {METRICS_FILE.name}")
    return f"{before}{BEGIN}\n\n{fields_table()}\n\n{END}{after}"


def main() -> None:
    """Write both."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    METRICS_FILE.write_text(with_table(METRICS_FILE.read_text(encoding="utf-8")), encoding="utf-8")


def _range(field: Field) -> str:
    low, high = field.minimum, field.maximum
    if low is None or high is None:
        return "" if low is None else f">= {low:g}"
    return f"{low:g}" if low == high else f"{low:g} .. {high:g}"


if __name__ == "__main__":
    main()
