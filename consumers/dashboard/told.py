"""The parts of the page that are words and figures, as plain JSON values: table, ladder, events, health. Pure.

Owns which columns there are and their order; how they look is the page's own (``page.js``, ``page.css``).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np

from consumers.board import Line
from consumers.dashboard.happenings import Happenings
from consumers.dashboard.scene import Scene
from consumers.heatmap.timeline import Column

Json: TypeAlias = Any

COLUMNS: Final = (
    "state",
    "orderflow_imbalance",
    "delta_volume",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
    "mid_price",
)
"""Fields of the newest record in the table, after the instrument and before rate, age and gaps."""

EVENTS: Final = 40
LADDER: Final = 12


def table(scene: Scene, now: float, wall_ms: float) -> list[list[Json]]:
    """A row an instrument: its name, COLUMNS, records per second, age in seconds, gaps."""
    return [_row(line, now, wall_ms) for line in scene.board.lines()]


def _row(line: Line, now: float, wall_ms: float) -> list[Json]:
    record = line.record
    age_s = max(0.0, wall_ms - line.timestamp_ms) / 1000
    told = [record.get(name) for name in COLUMNS]
    return [line.instrument, *told, round(line.rate(now), 1), round(age_s, 1), record.get("gaps")]


def ladder(column: Column | None, *, share: float, depth: int) -> dict[str, Json]:
    """The best levels of both sides, best first: price, quantity, whether it is a large order (more than ``share`` of ``depth``)."""
    if column is None or not column.known:
        return {"bids": [], "asks": [], "offset": None, "clock_ms": None}
    best = np.concatenate([column.bids[:depth, 1], column.asks[:depth, 1]])
    limit = share * float(best.sum())
    sides = {
        name: [[price, quantity, quantity > limit] for price, quantity in side[:LADDER].tolist()]
        for name, side in (("bids", column.bids), ("asks", column.asks))
    }
    return {**sides, "offset": column.offset, "clock_ms": column.start_ms}


def events(happenings: Happenings) -> dict[str, Json]:
    """The newest lines, and totals since the page's server began to read."""
    lines = [[line.time_ms, line.kind, line.instrument, line.text, line.count] for line in happenings.newest(EVENTS)]
    return {
        "lines": lines,
        "faults": dict(happenings.faults.most_common()),
        "gaps": happenings.gaps,
        "missing": happenings.missing,
    }


def health(scene: Scene) -> dict[str, Json]:
    """How the job keeps up, and how reading goes."""
    status = scene.status
    told = {
        "share_read": round(status.share_read, 3),
        "caught_up": status.caught_up,
        "away": status.away,
        "notes": list(status.notes),
        "error": status.error,
    }
    return {**scene.figures._asdict(), **told, "records": scene.board.total}
