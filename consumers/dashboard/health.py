"""How the job keeps up, told from the topics alone: records per second, latency, lag. Pure; the clock is handed in.

Owns the window that the figures are of, and what they mean: latency is the time from the raw message's Kafka timestamp
to its record's arrival here; lag is how many raw messages lie behind the newest record's source, trades among them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

WINDOW_S: Final = 5.0
_MOST: Final = 20_000


class Figures(NamedTuple):
    """Over the last seconds; latencies are None while no record came, ``lag`` while the raw topic is not known."""

    records_per_s: float
    raw_per_s: float
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    lag: int | None


class Health:
    """What the figures are computed from."""

    def __init__(self) -> None:
        self._records: deque[tuple[float, float]] = deque(maxlen=_MOST)
        self._raw: deque[tuple[float, int]] = deque()
        self._counts: deque[tuple[float, int]] = deque()
        self._sources: dict[int, int] = {}

    def records(self, timestamps_ms: Iterable[int], now: float, wall_ms: float) -> None:
        """Records that came at ``now`` (monotonic seconds) and ``wall_ms`` (since 1970)."""
        latencies = [max(0.0, wall_ms - timestamp) for timestamp in timestamps_ms]
        self._records.extend((now, latency) for latency in latencies)
        self._counts.append((now, len(latencies)))

    def raw(self, count: int, now: float) -> None:
        """Raw messages that came."""
        self._raw.append((now, count))

    def source(self, partition: int, offset: int) -> None:
        """A record's source."""
        if offset > self._sources.get(partition, -1):
            self._sources[partition] = offset

    def figures(self, now: float, raw: Mapping[int, tuple[int, int]] | None) -> Figures:
        """As of ``now``; ``raw`` has first offset and end of the raw topic's partitions, those that are known."""
        since = now - WINDOW_S
        for counted in (self._raw, self._counts):
            while counted and counted[0][0] <= since:
                counted.popleft()
        while self._records and self._records[0][0] <= since:
            self._records.popleft()
        latencies = [latency for _, latency in self._records]
        p50, p99 = np.percentile(latencies, (50, 99)).tolist() if latencies else (None, None)
        lag = None
        if raw is not None:
            # A record may be here before the end of the raw topic that its source belongs to is known.
            lag = sum(max(0, end - max(first, self._sources.get(part, -1) + 1)) for part, (first, end) in raw.items())
        return Figures(
            sum(count for _, count in self._counts) / WINDOW_S,
            sum(count for _, count in self._raw) / WINDOW_S,
            p50,
            p99,
            lag,
        )
