"""The numbers of one instrument's records over time, for plots. Pure.

Owns which fields are numbers to plot, how much is kept, and how a stretch is thinned to what a screen can show: of each
piece of it, the least and the greatest value stay, so that no spike is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from consumers.heatmap.timeline import RESTART_MS
from orderbook.record import FIELDS

FloatArray: TypeAlias = npt.NDArray[np.float64]

_IDENTITY: Final = frozenset({"schema", "seq", "event_time_ms", "transaction_time_ms", "receive_time_ns", "update_id"})

METRICS: Final = tuple(field.name for field in FIELDS if field.kind in {"float", "int"} and field.name not in _IDENTITY)
"""All numbers of a record that are worth a curve."""

_FIRST_ROWS: Final = 256


def clock_ms(record: Mapping[str, Any]) -> int:
    """The exchange's clock; where the message told none, when it was received; 0 without either."""
    told = record.get("event_time_ms")
    if told is not None:
        return int(told)
    return int(record.get("receive_time_ns") or 0) // 1_000_000


class History:
    """Time and numbers of the newest records.

    Args:
        keep_ms: How much time is kept.
        most: Records that are kept at most.

    Attributes:
        newest_ms: Time of the newest record, 0 before the first.
    """

    def __init__(self, *, keep_ms: int, most: int) -> None:
        self.newest_ms = 0
        self._keep_ms, self._most = keep_ms, most
        self._rows: FloatArray = np.empty((_FIRST_ROWS, 1 + len(METRICS)))
        self._begin = self._end = 0

    def __len__(self) -> int:
        return self._end - self._begin

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record; a clock that goes back far begins anew, one that goes back a little stands still."""
        now_ms = clock_ms(record)
        if now_ms < self.newest_ms - RESTART_MS:
            self._begin = self._end = self.newest_ms = 0
        self.newest_ms = max(self.newest_ms, now_ms)
        if self._end == len(self._rows):
            self._make_room()
        row = self._rows[self._end]
        row[0] = self.newest_ms
        get = record.get
        row[1:] = [np.nan if (value := get(name)) is None else value for name in METRICS]
        self._end += 1
        if len(self) > self._most:
            self._begin += 1

    def window(self, name: str, since_ms: int, points: int) -> tuple[FloatArray, FloatArray]:
        """Times (ms) and values of a metric since a time; at most about ``points`` of them."""
        rows = self._rows[self._begin : self._end]
        rows = rows[np.searchsorted(rows[:, 0], since_ms) :]
        times, values = rows[:, 0], rows[:, 1 + METRICS.index(name)]
        if len(times) > points:
            chosen = _extremes(values, max(1, points // 2))
            times, values = times[chosen], values[chosen]
        return times.copy(), values.copy()

    def _make_room(self) -> None:
        rows = self._rows[self._begin : self._end]
        kept = rows[np.searchsorted(rows[:, 0], self.newest_ms - self._keep_ms) :]
        size = len(self._rows)
        if len(kept) > size // 2:
            size *= 2
        self._rows = np.empty((size, rows.shape[1]))
        self._rows[: len(kept)] = kept
        self._begin, self._end = 0, len(kept)


def _extremes(values: FloatArray, pieces: int) -> npt.NDArray[np.intp]:
    """Positions of the least and the greatest value of each piece, and of a piece's end where there is neither."""
    edges = np.linspace(0, len(values), pieces + 1).astype(int)
    chosen: list[int] = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        piece = values[begin:end]
        if len(piece) and not np.isnan(piece).all():
            chosen += sorted({begin + int(np.nanargmin(piece)), begin + int(np.nanargmax(piece))})
        elif len(piece):
            chosen.append(end - 1)
    return np.array(chosen, np.intp)
