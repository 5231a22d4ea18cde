"""What the documentation says of the record is what the code says."""

from __future__ import annotations

import json

import pytest

from connectors.encode import record_schema
from docs.generate import METRICS_FILE, PARTS, SCHEMA_FILE, fields_table, schema_text, with_part
from docs.record_class import RECORD_CLASS_FILE, record_class_text
from orderbook.record import NAMES, STATES

HOW = "run `make docs`"


def test_the_schema_file_is_the_codes_schema() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), HOW
    assert json.loads(schema_text()) == record_schema()


def test_the_class_of_the_record_is_what_the_code_says() -> None:
    assert RECORD_CLASS_FILE.read_text(encoding="utf-8") == record_class_text(), HOW


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_is_what_the_code_says(name: str) -> None:
    file, make = PARTS[name]
    text = file.read_text(encoding="utf-8")

    assert with_part(name, text) == text, HOW
    assert make() in text


def test_the_table_has_one_row_a_field_in_the_records_order() -> None:
    rows = fields_table().splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == list(NAMES)
    assert {row.count("|") for row in rows} == {7}


def test_the_documentation_tells_of_every_state() -> None:
    text = METRICS_FILE.read_text(encoding="utf-8")

    assert [state for state in STATES if f"| `{state}` |" not in text] == []


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the markers"):
        with_part("fields", "# Metrics\n")
