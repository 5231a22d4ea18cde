"""What is read from a record, of this version, an older one and a newer one."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

import pytest

from consumers.metric_record import MetricRecord
from consumers.rows import FEATURES, NewerSchemaError, NoRecordError, places_of, record_of, row_of, take
from orderbook.record import CORE_FEATURES, FIELDS, NAMES, SCHEMA
from tests.consumers.records import made


def test_a_record_becomes_typed_and_back() -> None:
    document = made(3)

    assert asdict(record_of(row_of(document))) == document
    assert tuple(field.name for field in fields(MetricRecord)) == NAMES


def test_fields_of_later_versions_are_passed_over() -> None:
    assert row_of({**made(3), "from_the_future": 1}) == row_of(made(3))


def test_fields_that_an_older_version_lacks_are_none() -> None:
    older = {name: value for name, value in made(3).items() if NAMES.index(name) <= NAMES.index("source")}

    assert record_of(row_of(older)).imbalance_l1 is None
    assert record_of(row_of(older)).source.offset == 30


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(
        NewerSchemaError, match=f"expected records of schema {SCHEMA}, received one of schema {SCHEMA + 1}"
    ):
        row_of(made(3, schema=SCHEMA + 1))


@pytest.mark.parametrize("lacking", [{"seq": None}, {"seq": "3"}, {"seq": True}, {"venue": 1}, {"symbol": None}])
def test_what_names_no_instrument_and_seq_is_no_record(lacking: dict[str, Any]) -> None:
    with pytest.raises(NoRecordError, match=f"expected a metric record with {next(iter(lacking))}, received"):
        row_of({**made(3), **lacking})


def test_the_features_are_all_numbers_but_those_of_identity() -> None:
    numbers = {field.name for field in FIELDS if field.kind in {"int", "float"}}

    assert set(CORE_FEATURES) <= set(FEATURES) <= numbers
    assert numbers - set(FEATURES) == {
        "schema", "seq", "event_time_ms", "transaction_time_ms", "receive_time_ns", "update_id", "gaps",
    }  # fmt: skip


def test_what_is_not_defined_is_nan() -> None:
    first, second = take(row_of(made(3, trade_delta=None)), places_of(["trade_delta", "delta_events"]))

    assert math.isnan(first)
    assert second == 1.0


@pytest.mark.parametrize("name", ["imbalance", "seq", "state"])
def test_what_is_no_feature_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"expected names of orderflow_imbalance, .*; received '{name}'"):
        places_of(["delta_volume", name])
