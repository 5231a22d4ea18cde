"""What came after each record: the mid price a horizon later, and the next move of the mid price.

Owns the rule against looking ahead: a record's features are known at its own time; what they are judged by is the first
record at that time plus the horizon, or later. When no record came near that time, there is no label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from consumers.evaluation.series import Floats, Ints, Series

HORIZONS_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

NEXT_MOVE: Final = "next move"

_LATE_MS: Final = 1000
_LATE_INTERVALS: Final = 20


@dataclass(frozen=True)
class Labels:
    """What came after; arrays as long as the series.

    Attributes:
        name: ``1 s``, or ``next move``.
        horizon_s: None for the next move.
        return_bps: of the mid price, in basis points; NaN where nothing is known.
        end_ms: time of the record that the label was read from.
        last_move: sign of the last move of the mid up to each record; 0 before the first.
    """

    name: str
    horizon_s: float | None
    return_bps: Floats
    end_ms: Ints
    last_move: Floats

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where there is a label."""
        return np.isfinite(self.return_bps)


def late_ms(series: Series) -> float:
    """A longer silence than this tears the series: 1 s, or 20 usual intervals."""
    usual = float(np.median(np.diff(series.time_ms))) if len(series) > 1 else 0.0
    return max(_LATE_MS, _LATE_INTERVALS * usual)


def after(series: Series, horizon_s: float) -> Labels:
    """The return from each record to the first one ``horizon_s`` or more later."""
    rows = np.flatnonzero(np.isfinite(series.mid))
    time, mid = series.time_ms[rows], series.mid[rows]
    due = time + round(horizon_s * 1000)
    at = np.searchsorted(time, due, side="left")
    there = at < len(rows)
    at = np.minimum(at, len(rows) - 1)
    there &= time[at] - due <= late_ms(series)
    return _labels(series, (f"{horizon_s:g} s", horizon_s), rows, np.where(there, at, -1), mid)


def next_move(series: Series) -> Labels:
    """The return from each record to the first one with another mid price."""
    rows = np.flatnonzero(np.isfinite(series.mid))
    time, mid = series.time_ms[rows], series.mid[rows]
    moved = np.flatnonzero(np.diff(mid)) + 1
    at = np.searchsorted(moved, np.arange(len(rows)), side="right")
    there = at < len(moved)
    at = np.append(moved, -1)[np.where(there, at, -1)]
    # A silence on the way: what happened in it is not known to be the next move.
    torn = np.concatenate([[0], np.cumsum(np.diff(time) > late_ms(series))]) if len(rows) else np.zeros(0)
    there &= torn[at] == torn
    return _labels(series, (NEXT_MOVE, None), rows, np.where(there, at, -1), mid)


def _labels(
    series: Series,
    horizon: tuple[str, float | None],
    rows: npt.NDArray[np.intp],
    at: npt.NDArray[np.intp],
    mid: Floats,
) -> Labels:
    """Labels of the rows that have a mid price; ``at`` counts among those, -1: none."""
    returns, ends = np.full(len(series), np.nan), series.time_ms.copy()
    found = at >= 0
    returns[rows[found]] = (mid[at[found]] - mid[found]) / mid[found] * 1e4
    ends[rows[found]] = series.time_ms[rows[at[found]]]
    return Labels(*horizon, returns, ends, _last_move(series, rows, mid))


def _last_move(series: Series, rows: npt.NDArray[np.intp], mid: Floats) -> Floats:
    steps = np.sign(np.diff(mid, prepend=mid[:1]))
    newest = np.maximum.accumulate(np.where(steps != 0, np.arange(len(steps)), 0))
    moves = np.zeros(len(series))
    moves[rows] = steps[newest]
    return moves
