"""The job's own histograms, as it serves them to Prometheus."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

Buckets = Mapping[float, float]
"""Counts by upper bound in s."""

_BUCKET: Final = r'^obi_%s_seconds_bucket\{le="([^"]+)"\} (\S+)$'
_EVERY_S: Final = 0.5


def buckets(address: str, kind: str) -> Buckets:
    """Bounds in s and counts of a histogram of the job, so far: "flush" or "epoch_pause"."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        found = re.findall(_BUCKET % kind, answer.read().decode(), re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def slowest_ms(before: Buckets, after: Buckets) -> float:
    """The bound of the bucket that the 99th percentile between the two lies in, in ms."""
    counts = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
    return next(bound for bound, count in counts.items() if count >= 0.99 * max(counts.values())) * 1000


class Watcher:
    """Keeps what a job that ends by itself told last."""

    def __init__(self, address: str, kind: str) -> None:
        self.last: Buckets = {}
        self._address = address
        self._kind = kind
        self._looked = time.monotonic()

    def look(self) -> None:
        """Ask again, when the last time is long enough ago; a job that does not answer yet, or no more, is not asked again now."""
        if time.monotonic() - self._looked > _EVERY_S:
            self._looked = time.monotonic()
            with suppress(OSError):
                self.last = buckets(self._address, self._kind) or self.last

    def p99_ms(self) -> float | None:
        """The bound that 99 of 100 do not exceed; None when there was none."""
        return slowest_ms({}, self.last) if any(self.last.values()) else None
