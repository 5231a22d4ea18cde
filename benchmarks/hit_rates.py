"""``python -m benchmarks.hit_rates FILE...``: how often imbalance tells the direction in which the mid moves next.

The counting is ``obi evaluate``'s (``consumers.evaluation``), without its intervals, baselines and doubt. Beside it stand the
ranges that were found before the features were written, to be met within two points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from connectors.decode import Decoder
from connectors.recordings import RecordingReader
from consumers.evaluation.fields import choose
from consumers.evaluation.labels import after
from consumers.evaluation.scores import pairs
from consumers.evaluation.series import Series, records_to_series
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
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


def measured(path: Path) -> Series:
    """What ``obi measure`` makes of a recording of one instrument, as columns."""
    results = measure_batches(Pipeline(Decoder(), MeasureConfig(), Counts()), RecordingReader(path).batches())
    found = records_to_series(orjson.loads(record) for result in results for record in result.records)
    if len(found) != 1:
        names = ", ".join(series.instrument for series in found) or "none"
        sys.exit(f"{path}: expected records of one instrument, received: {names}")
    return found[0]


def hit_rates(series: Series) -> Iterator[HitRate]:
    """Every feature at every horizon."""
    for feature in choose(FEATURES):
        for horizon_s in HORIZONS_S:
            both = pairs(series, feature, series.features[feature.name], after(series, horizon_s))
            yield HitRate(feature.name, horizon_s, int(both.hit.sum()), int(both.counted.sum()))


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
    found = {path.name.partition("_2")[0]: list(hit_rates(measured(path))) for path in parser.parse_args().files}
    Console(width=110).print(table(found))
    if any(rate.as_expected is False for rates in found.values() for rate in rates):
        sys.exit(1)


if __name__ == "__main__":
    main()
