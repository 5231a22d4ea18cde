"""How the records came: how often, with what silences and gaps, in which states. Before any statistics.

Owns these figures of one series.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from consumers.evaluation.labels import late_ms
from consumers.evaluation.series import Series


@dataclass(frozen=True)
class Quality:
    """Of one instrument; intervals are between records, in ms of the exchange's clock.

    ``silences``: intervals longer than ``silence_ms`` (1 s, or 20 usual ones); no label reaches across one.
    ``missing``: records that ``seq`` says there are and that are not here. ``breaks``: sequence gaps of the feed meanwhile.
    ``states``: records by state. ``duplicates``: left out.
    """

    instrument: str
    records: int
    duplicates: int
    span_s: float
    per_second: float
    interval_median_ms: float
    interval_p99_ms: float
    interval_max_ms: float
    silence_ms: float
    silences: int
    missing: int
    breaks: int
    states: dict[str, int]


def quality(series: Series) -> Quality:
    """The figures of a series."""
    intervals = np.diff(series.time_ms) if len(series) > 1 else np.zeros(1)
    median, p99, longest = np.quantile(intervals, (0.5, 0.99, 1.0))
    steps = np.diff(series.seq)
    return Quality(
        series.instrument,
        records=len(series),
        duplicates=series.duplicates,
        span_s=series.span_s,
        per_second=(len(series) - 1) / series.span_s if series.span_s else 0.0,
        interval_median_ms=float(median),
        interval_p99_ms=float(p99),
        interval_max_ms=float(longest),
        silence_ms=late_ms(series),
        silences=int((intervals > late_ms(series)).sum()),
        missing=int((steps[steps > 1] - 1).sum()),
        breaks=int(np.maximum(np.diff(series.gaps), 0).sum()),
        states=dict(sorted(Counter(str(state) for state in series.state).items())),
    )
