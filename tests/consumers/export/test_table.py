"""Records as rows: nothing is lost, and what is no record is told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.export.errors import ExportError
from consumers.export.table import Stored, from_table, schema, to_table
from orderbook.record import FIELDS, NAMES, SCHEMA, Field

COLUMNS = schema("depth.metrics")


def value_of(field: Field) -> st.SearchStrategy[Any]:
    if field.name == "schema":
        return st.just(SCHEMA)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(0, 2**62),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        "source": st.tuples(st.integers(0, 9), st.integers(0, 2**62)).map(
            lambda at: {"topic": "raw", "partition": at[0], "offset": at[1]}
        ),
    }
    return st.none() | kinds[field.kind] if field.null_when else kinds[field.kind]


RECORDS = st.fixed_dictionaries({field.name: value_of(field) for field in FIELDS}).map(
    lambda record: {name: record[name] for name in NAMES}
)


def stored(offset: int, record: Any) -> Stored:
    return Stored(3, offset, 1000 + offset, record if isinstance(record, bytes) else orjson.dumps(record))


@given(st.lists(RECORDS, max_size=4), st.integers(4, len(NAMES)))
def test_every_record_comes_back_as_the_same_bytes(records: list[dict[str, Any]], fields: int) -> None:
    whole = [stored(at, record) for at, record in enumerate(records)]
    older = [stored(9 + at, dict(list(record.items())[:fields])) for at, record in enumerate(records)]
    table, foreign = to_table([*whole, *older], COLUMNS)

    assert list(from_table(table)) == [*whole, *older]
    assert foreign == 0


def test_fields_of_a_newer_version_are_kept() -> None:
    record = dict.fromkeys(NAMES) | {"schema": 1, "seq": 1, "venue": "v", "symbol": "S"}
    record["source"] = {"topic": "raw", "partition": 0, "offset": 7}
    newer = stored(5, {**record, "a_new_one": [1, 2.5]})
    table, _ = to_table([newer], COLUMNS)

    assert list(from_table(table)) == [newer]
    assert table["other_fields"].to_pylist() == ['{"a_new_one":[1,2.5]}']


def test_what_is_no_record_is_counted() -> None:
    table, foreign = to_table(
        [stored(1, b"no json"), stored(2, b"[]"), stored(3, {"a": 1}), Stored(0, 4, 0, None)], COLUMNS
    )

    assert (len(table), foreign) == (0, 4)


def test_another_schema_is_refused() -> None:
    with pytest.raises(ExportError, match=r"partition 3, offset 8: expected a record of schema 1, received schema 2"):
        to_table([stored(8, {"schema": 2, "seq": 1, "venue": "v", "symbol": "S"})], COLUMNS)


def test_a_value_that_a_field_cannot_have_is_refused() -> None:
    with pytest.raises(ExportError, match=r"partition 3, offsets 8 .. 8: expected values as"):
        to_table([stored(8, {"schema": 1, "venue": "v", "symbol": "S", "seq": "one"})], COLUMNS)


def test_fields_that_are_not_the_first_ones_are_refused() -> None:
    with pytest.raises(ExportError, match="expected the record's fields from the first on"):
        to_table([stored(8, {"schema": 1, "venue": "v", "symbol": "S", "seq": 1, "state": "live"})], COLUMNS)


def test_columns_tell_their_unit_and_meaning() -> None:
    about = COLUMNS.field("bid_ask_spread_pct").metadata

    assert about[b"unit"] == b"%"
    assert b"one_sided" in about[b"null_when"]
    assert COLUMNS.metadata == {b"obi.schema": b"1", b"obi.topic": b"depth.metrics"}
