"""Exported files as series: the same arrays as from the records themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.parquet import parquet_series
from consumers.evaluation.series import records_to_series
from consumers.export.table import Stored, schema, to_table
from orderbook.record import NAMES


def records() -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    told = []
    for seq in range(1, 41):
        record = dict.fromkeys(NAMES) | {
            "schema": 1,
            "venue": "sim",
            "symbol": "AB"[seq % 2],
            "seq": seq,
            "state": "live",
        }
        record |= {"event_time_ms": 1000 * seq, "receive_time_ns": 10**18 + seq, "gaps": 0, "delta_events": seq}
        record |= {"mid_price": 100 + rng.random(), "source": {"topic": "raw", "partition": 0, "offset": seq}}
        told.append(record | ({"micro_price": 100 + rng.random(), "delta_volume": rng.random()} if seq % 3 else {}))
    return told


def table_of(told: list[dict[str, Any]], first: int) -> pa.Table:
    messages = [Stored(0, first + at, 0, orjson.dumps(record)) for at, record in enumerate(told)]
    return to_table(messages, schema("depth.metrics"))[0]


def test_files_give_the_series_of_their_records_in_the_order_of_the_topic(tmp_path: Path) -> None:
    told = records()
    pq.write_table(table_of(told[25:], 25), tmp_path / "a.parquet")
    pq.write_table(table_of(told[:25], 0), tmp_path / "b.parquet")
    by_files, by_records = parquet_series([tmp_path]), records_to_series(told)

    assert [one.instrument for one in by_files] == ["sim:A", "sim:B"]
    for ours, theirs in zip(by_files, by_records, strict=True):
        for name in ("time_ms", "book_ms", "mid", "seq", "gaps"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert list(ours.state) == list(theirs.state)
        assert ours.features.keys() == theirs.features.keys()
        for name, values in ours.features.items():
            np.testing.assert_array_equal(values, theirs.features[name])


def test_a_field_that_an_older_export_does_not_have_is_not_defined(tmp_path: Path) -> None:
    pq.write_table(table_of(records(), 0).drop_columns(["trade_delta", "micro_price"]), tmp_path / "old.parquet")
    first, _ = parquet_series([tmp_path / "old.parquet"])

    assert np.isnan(first.features["trade_delta"]).all()
    assert np.isnan(first.features["micro_price_bps"]).all()
    assert np.isfinite(first.mid).all()


def test_other_parquet_files_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "other.parquet")

    with pytest.raises(EvaluationError, match="received some without kafka_offset, kafka_partition"):
        parquet_series([tmp_path])
