"""What a live table shows of each instrument: its newest record, how fast records come, and a short history. Pure.

Owns the sampling of the history: one sample an interval of arrival, so that a strip covers the same time whatever the
rate. The clock is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RATE_WINDOW_S: Final = 3.0
SAMPLE_EVERY_S: Final = 0.5
SAMPLES: Final = 60


@dataclass
class Line:
    """One instrument.

    ``arrivals`` holds (time of a poll, records it brought); ``timestamp_ms`` is the newest record's Kafka timestamp.
    """

    instrument: str
    record: Mapping[str, Any]
    timestamp_ms: int = 0
    records: int = 0
    arrivals: deque[tuple[float, int]] = field(default_factory=deque)
    imbalance: deque[float | None] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    mid: deque[float | None] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    sampled_at: float = -SAMPLE_EVERY_S

    def rate(self, now: float) -> float:
        """Records per second over the last seconds."""
        while self.arrivals and self.arrivals[0][0] <= now - RATE_WINDOW_S:
            self.arrivals.popleft()
        if not self.arrivals:
            return 0.0
        return sum(count for _, count in self.arrivals) / RATE_WINDOW_S


class Board:
    """All instruments seen so far.

    Args:
        wanted: Symbols, or ``venue:SYMBOL``, in any case; none means all.

    Attributes:
        total: Records taken.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self._wanted = tuple(wanted)
        self._lines: dict[str, Line] = {}
        self.total = 0

    def add(self, records: Iterable[tuple[Mapping[str, Any], int]], now: float, *, counted: bool = True) -> None:
        """Take (record, Kafka timestamp) pairs that came at ``now`` seconds; old ones are not ``counted`` in the rate."""
        fresh: dict[str, int] = {}
        for record, timestamp_ms in records:
            instrument = f"{record['venue']}:{record['symbol']}"
            if not self.is_wanted(instrument):
                continue
            line = self._lines.get(instrument)
            if line is None:
                line = self._lines[instrument] = Line(instrument, record)
            line.record, line.timestamp_ms = record, timestamp_ms
            line.records += 1
            self.total += 1
            fresh[instrument] = fresh.get(instrument, 0) + 1
            if not counted and line.records % 5 == 1:
                _sample(line)
        for instrument, count in fresh.items():
            line = self._lines[instrument]
            if counted:
                line.arrivals.append((now, count))
            if now - line.sampled_at >= SAMPLE_EVERY_S:
                line.sampled_at = now
                _sample(line)

    def lines(self) -> list[Line]:
        """The instruments by symbol, then venue."""
        return sorted(self._lines.values(), key=lambda line: (line.record["symbol"], line.instrument))

    def is_wanted(self, instrument: str) -> bool:
        """Whether ``venue:SYMBOL`` is one of those to show."""
        return not self._wanted or any(is_named(name, instrument) for name in self._wanted)


def is_named(name: str, instrument: str) -> bool:
    """Whether ``name``, a symbol or ``venue:SYMBOL`` in any case, names ``instrument``."""
    wanted, full = name.upper(), instrument.upper()
    return wanted in {full, full.partition(":")[2]}


def _sample(line: Line) -> None:
    line.imbalance.append(line.record.get("orderflow_imbalance"))
    line.mid.append(line.record.get("mid_price"))
