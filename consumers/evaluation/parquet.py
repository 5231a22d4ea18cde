"""Exported records as series: the columns that an evaluation needs, read from Parquet files.

Owns the order of files: records come in the order of the metrics topic, whatever their files are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from consumers.evaluation.errors import EvaluationError
from consumers.evaluation.series import NUMBERS, TEXTS, Series, SeriesBuilder

_ORDER = ("kafka_partition", "kafka_offset")
_NEEDED = {"venue", "symbol", "seq", "mid_price", "state", "source_topic", "source_partition", "source_offset"}


def parquet_series(paths: Sequence[Path]) -> list[Series]:
    """The series of all instruments in exported folders or files.

    Raises:
        EvaluationError: a path holds no exported records.
    """
    builder = SeriesBuilder()
    for path in paths:
        builder.add_columns(_columns(path))
    return builder.build()


def _columns(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        dataset = ds.dataset(path, format="parquet", exclude_invalid_files=False)
        there = set(dataset.schema.names)
    except (OSError, pa.ArrowInvalid) as error:
        raise EvaluationError(f"{path}: expected Parquet files of obi export, received: {error}") from None
    if missing := sorted(_NEEDED.union(_ORDER) - there):
        raise EvaluationError(
            f"{path}: expected Parquet files of obi export, received some without {', '.join(missing)}"
        )
    wanted = [name for name in (*NUMBERS, *TEXTS) if name in there]
    table = dataset.to_table(columns=[*wanted, *_ORDER]).sort_by([(name, "ascending") for name in _ORDER])
    columns = {name: _array(table, name) for name in wanted}
    absent = np.full(len(table), np.nan)
    return {**{name: absent for name in NUMBERS if name not in there}, **columns}


def _array(table: pa.Table, name: str) -> npt.NDArray[Any]:
    column = table[name]
    array: npt.NDArray[Any]
    if name in NUMBERS:
        array = column.cast(pa.float64(), safe=False).to_numpy()
    else:
        array = column.to_numpy(zero_copy_only=False)
    return array
