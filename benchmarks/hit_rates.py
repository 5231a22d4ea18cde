"""``python -m benchmarks.hit_rates FILE...``: how often imbalance tells the direction in which the mid moves next.

Of the records after which the mid has moved, ``horizon`` seconds of event time later, the share whose sign was right; with
the ranges that were found before the features were written, to be met within two points. Plain counting: for intervals,
baselines and doubt there is ``obi evaluate``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
from rich.console import Console
from rich.table import Table

from connectors.decode import Decoder
from connectors.recordings import RecordingReader
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline, measure_batches
from orderbook import MeasureConfig

HORIZONS_S: Final = (0.1, 0.5, 1.0, 5.0, 10.0)
EXPECTED_PCT: Final = {
    ("imbalance_l1", 0.1): (83, 92),
    ("imbalance_l1", 1.0): (69, 80),
    ("imbalance_l1", 10.0): (49, 59),
    ("orderflow_imbalance", 1.0): (65, 77),
}
"""Lowest and highest of four instruments, BTCUSDT and ETHUSDT on spot and USD-M, six minutes of 2024-08-08."""
FEATURES: Final = ("imbalance_l1", "orderflow_imbalance")
TOLERANCE_PCT: Final = 2.0

Numbers: TypeAlias = npt.NDArray[np.float64]


class Series(NamedTuple):
    """The records of one instrument that have a mid: event time in ms, mid, and the features, shape (n,) each."""

    times_ms: npt.NDArray[np.int64]
    mids: Numbers
    features: dict[str, Numbers]


class HitRate(NamedTuple):
    """``hits`` right signs of ``moved`` records after which the mid moved and at which the feature was not zero."""

    feature: str
    horizon_s: float
    hits: int
    moved: int

    @property
    def pct(self) -> float:
        """Share of right signs, 0 .. 100; NaN of none."""
        return 100 * self.hits / self.moved if self.moved else float("nan")

    @property
    def as_expected(self) -> bool | None:
        """Whether the share lies within what was found before; None where nothing was."""
        expected = EXPECTED_PCT.get((self.feature, self.horizon_s))
        return None if expected is None else expected[0] - TOLERANCE_PCT <= self.pct <= expected[1] + TOLERANCE_PCT


def records(path: Path) -> Iterator[bytes]:
    """What ``obi measure`` makes of a recording."""
    for result in measure_batches(Pipeline(Decoder(), MeasureConfig(), Counts()), RecordingReader(path).batches()):
        yield from result.records


def series(values: Iterable[bytes]) -> Series:
    """The records as columns. Time never goes back; where a record has no event time it is the time of receipt."""
    rows = [row for row in map(orjson.loads, values) if row["mid_price"] is not None]
    times = [row["event_time_ms"] or row["receive_time_ns"] // 1_000_000 for row in rows]
    columns = {name: np.array([row[name] for row in rows], np.float64) for name in ("mid_price", *FEATURES)}
    return Series(np.maximum.accumulate(np.array(times, np.int64)), columns.pop("mid_price"), columns)


def hit_rates(of: Series) -> Iterator[HitRate]:
    """Every feature at every horizon. The mid at a time is that of the last record until then."""
    for name, values in of.features.items():
        for horizon_s in HORIZONS_S:
            later = of.times_ms + round(1_000 * horizon_s)
            known = np.flatnonzero(later <= of.times_ms[-1:])
            then = np.searchsorted(of.times_ms, later[known], side="right") - 1
            move = np.sign(of.mids[then] - of.mids[known])
            call = np.sign(values[known])
            counts = (move != 0) & (call != 0)
            yield HitRate(name, horizon_s, int(((move == call) & counts).sum()), int(counts.sum()))


def table(found: dict[str, list[HitRate]]) -> Table:
    """One row a feature and horizon, one column a recording."""
    out = Table(title="hit rate given a move, % (records that count)")
    for head in ("feature", "horizon, s", "expected", *found):
        out.add_column(head, justify="left" if head == "feature" else "right")
    for rates in zip(*found.values(), strict=True):
        feature, horizon_s = rates[0].feature, rates[0].horizon_s
        low, high = EXPECTED_PCT.get((feature, horizon_s), (None, None))
        cells = [
            f"[{'red' if rate.as_expected is False else 'default'}]{rate.pct:.1f}[/] ({rate.moved:,})" for rate in rates
        ]
        out.add_row(feature, f"{horizon_s:g}", "" if low is None else f"{low} .. {high}", *cells)
    return out


def main() -> None:
    """Print the table; exit code 1 when a rate is more than two points off what was found before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hit_rates", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording of one instrument")
    found = {path.name.partition("_2")[0]: list(hit_rates(series(records(path)))) for path in parser.parse_args().files}
    Console().print(table(found))
    if any(rate.as_expected is False for rates in found.values() for rate in rates):
        sys.exit(1)


if __name__ == "__main__":
    main()
