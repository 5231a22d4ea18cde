"""What an operator wants to be told in words: faults, gaps, changes of state, records that are missing. Pure.

Owns how they are found in records and faults, and that a flood of equal ones is one line that counts.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from consumers.dashboard.history import clock_ms

Kind: TypeAlias = Literal["fault", "gap", "state", "missing", "restart"]

MOST: Final = 200
_MERGE_AMONG: Final = 8


@dataclass(slots=True)
class Happening:
    """One line: when (ms since 1970), of which instrument, what; ``count`` equal ones came close together.

    ``clock_ms`` is the exchange's clock, None where it is not known (faults).
    """

    time_ms: int
    kind: Kind
    instrument: str
    text: str
    clock_ms: int | None = None
    count: int = 1


class _Last(NamedTuple):
    seq: int
    state: str
    gaps: int


class Happenings:
    """The newest of them, newest first.

    Attributes:
        faults: By reason.
        gaps: Breaks in update ids, all instruments.
        missing: Records that were not there, by their ``seq``.
    """

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.gaps = 0
        self.missing = 0
        self._lines: deque[Happening] = deque(maxlen=MOST)
        self._last: dict[str, _Last] = {}

    def record(self, instrument: str, record: Mapping[str, Any], timestamp_ms: int) -> None:
        """Compare a record with the one before it."""
        seq, state, gaps = int(record["seq"]), str(record.get("state")), int(record.get("gaps") or 0)
        before = self._last.get(instrument)
        if before is not None and seq <= before.seq and seq > 1:
            return  # a copy: records are idempotent by their seq
        self._last[instrument] = _Last(seq, state, gaps)
        if before is None:
            return
        at = timestamp_ms, clock_ms(record)
        if seq <= before.seq:
            self._add("restart", instrument, "records start anew with seq 1: another generation of the output", *at)
        elif seq > before.seq + 1:
            self.missing += seq - before.seq - 1
            self._add("missing", instrument, f"no records with seq {before.seq + 1} .. {seq - 1}", *at)
        if gaps > before.gaps:
            self.gaps += gaps - before.gaps
            self._add("gap", instrument, f"update ids broke, gap {gaps}: the book waits for a snapshot", *at)
        if state != before.state:
            self._add("state", instrument, f"{before.state} -> {state}", *at)

    def fault(self, instrument: str, reason: str, detail: str, timestamp_ms: int) -> None:
        """A message that could not be used."""
        self.faults[reason] += 1
        for line in list(self._lines)[:_MERGE_AMONG]:
            if line.kind == "fault" and line.instrument == instrument and line.text.partition(":")[0] == reason:
                line.count += 1
                line.time_ms, line.text = timestamp_ms, f"{reason}: {detail}"
                self._lines.remove(line)
                self._lines.appendleft(line)
                return
        self._add("fault", instrument, f"{reason}: {detail}", timestamp_ms, None)

    def newest(self, count: int) -> list[Happening]:
        """The newest lines, newest first."""
        return list(self._lines)[:count]

    def clocks(self, instrument: str, since_ms: int) -> list[int]:
        """Where to draw a mark over an instrument's plots."""
        return [
            line.clock_ms
            for line in self._lines
            if line.instrument == instrument and line.clock_ms is not None and line.clock_ms >= since_ms
        ]

    def _add(self, kind: Kind, instrument: str, text: str, time_ms: int, clock: int | None) -> None:
        self._lines.appendleft(Happening(time_ms, kind, instrument, text, clock))
