"""Records of one instrument as arrays, in their order, each once.

Owns the clock of the evaluation (the exchange's event time, else the receive time; it never goes back) and what counts
as the same record twice: the raw message that caused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from consumers.evaluation.fields import FEATURES, MICRO_PRICE

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]

_NAMES: Final = tuple(feature.name for feature in FEATURES if feature.name != MICRO_PRICE)
NUMBERS: Final = (
    "seq", "event_time_ms", "transaction_time_ms", "receive_time_ns", "gaps", "mid_price", "micro_price", *_NAMES,
)  # fmt: skip
"""The record's numbers that an evaluation needs; a missing one is NaN."""

TEXTS: Final = ("venue", "symbol", "state", "source_topic", "source_partition", "source_offset")

_PIECE: Final = 20_000


@dataclass(frozen=True)
class Series:
    """The records of an instrument; all arrays have one length, floats are NaN where the record says null.

    Attributes:
        instrument: ``venue:symbol``.
        time_ms: when each was told; never goes back.
        book_ms: when the book was so: the transaction time, else as ``time_ms``.
        mid: mid price.
        seq, gaps: as in the record.
        state: as in the record.
        features: by name.
        duplicates: records that were left out, because they were there before.
    """

    instrument: str
    time_ms: Ints
    book_ms: Ints
    mid: Floats
    seq: Ints
    gaps: Ints
    state: npt.NDArray[Any]
    features: Mapping[str, Floats]
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def span_s(self) -> float:
        """From the first record to the last."""
        return float(self.time_ms[-1] - self.time_ms[0]) / 1000 if len(self) else 0.0


class SeriesBuilder:
    """Takes records in the order in which they lie, of all instruments mixed."""

    def __init__(self) -> None:
        self._rows: list[Mapping[str, Any]] = []
        self._pieces: dict[str, list[Columns]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record as it was decoded from JSON."""
        self._rows.append(record)
        if len(self._rows) >= _PIECE:
            self._flush()

    def add_columns(self, columns: Columns) -> None:
        """Take many records: an array for each of ``NUMBERS`` (float) and of ``TEXTS``."""
        names = np.char.add(np.char.add(columns["venue"].astype(str), ":"), columns["symbol"].astype(str))
        for name in np.unique(names):
            rows = names == name
            self._pieces.setdefault(str(name), []).append({key: values[rows] for key, values in columns.items()})

    def build(self) -> list[Series]:
        """The series of all instruments, by name."""
        self._flush()
        return [_series(instrument, pieces) for instrument, pieces in sorted(self._pieces.items())]

    def _flush(self) -> None:
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        columns: dict[str, npt.NDArray[Any]] = {
            name: np.array([row.get(name) for row in rows], np.float64) for name in NUMBERS
        }
        columns |= {name: np.array([row[name] for row in rows]) for name in ("venue", "symbol", "state")}
        for name in ("topic", "partition", "offset"):
            columns[f"source_{name}"] = np.array([row["source"][name] for row in rows])
        self.add_columns(columns)


def records_to_series(records: Iterable[Mapping[str, Any]]) -> list[Series]:
    """The series of all instruments."""
    builder = SeriesBuilder()
    for record in records:
        builder.add(record)
    return builder.build()


def _series(instrument: str, pieces: list[Columns]) -> Series:
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    fresh = _fresh(whole)
    columns = {name: values[fresh] for name, values in whole.items()}
    told = _first_known(columns["event_time_ms"], columns["receive_time_ns"] / 1e6)
    time_ms = np.maximum.accumulate(told)
    book_ms = _first_known(columns["transaction_time_ms"], time_ms)
    mid = columns["mid_price"]
    features = {name: columns[name] for name in _NAMES}
    features[MICRO_PRICE] = (columns["micro_price"] - mid) / mid * 1e4
    return Series(
        instrument,
        time_ms.astype(np.int64),
        book_ms.astype(np.int64),
        mid,
        columns["seq"].astype(np.int64),
        columns["gaps"].astype(np.int64),
        columns["state"],
        features,
        duplicates=len(fresh) - int(fresh.sum()),
    )


def _first_known(first: Floats, second: Floats) -> Floats:
    known: Floats = np.where(np.isnan(first), second, first)
    return np.where(np.isnan(known), -np.inf, known) if np.isnan(known).any() else known


def _fresh(columns: Columns) -> npt.NDArray[np.bool_]:
    """Which records answer to a raw message that none before them answered to."""
    fresh = np.ones(len(columns["source_offset"]), np.bool_)
    for rows in _places(columns):
        offsets = columns["source_offset"][rows].astype(np.int64)
        fresh[rows[1:]] = offsets[1:] > np.maximum.accumulate(offsets)[:-1]
    return fresh


def _places(columns: Columns) -> Iterator[npt.NDArray[np.intp]]:
    """The rows of each source partition."""
    topics, partitions = columns["source_topic"], columns["source_partition"]
    for topic in np.unique(topics):
        for partition in np.unique(partitions[topics == topic]):
            yield np.flatnonzero((topics == topic) & (partitions == partition))
