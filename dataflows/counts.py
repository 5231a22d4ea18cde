"""What a run has seen so far, as plain numbers: the conservation of messages, notices, evidence, seconds by stage.

Owns the one object that the stages add to (per batch, never per message) and that summaries and the metrics endpoint
read. One writer, the worker's thread; readers may see a batch half counted, never a wrong total at the end.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orderbook.measurer import Measured


@dataclass(slots=True)
class Evidence:
    """How full books compare with what else the venue tells of them, by instrument, since the start of the process.

    ``quote_checks`` and ``quote_mismatches`` count books that were held against the venue's own best prices, ``audits``
    those that were held against a later snapshot; ``audit_match_pct`` is what the last of these found, 0 .. 100.
    """

    quote_checks: Counter[str] = field(default_factory=Counter)
    quote_mismatches: Counter[str] = field(default_factory=Counter)
    audits: Counter[str] = field(default_factory=Counter)
    audit_match_pct: dict[str, float] = field(default_factory=dict)

    def add(self, instrument: str, measured: Measured) -> None:
        """Take what a batch of one instrument gave."""
        checks, mismatches = measured.quotes
        if checks:
            self.quote_checks[instrument] += checks
            self.quote_mismatches[instrument] += mismatches
        if measured.audits:
            self.audits[instrument] += len(measured.audits)
            self.audit_match_pct[instrument] = measured.audits[-1].match_pct


@dataclass(slots=True)
class Counts:
    """Totals since the start of the process.

    Once the flow has come to rest, messages == records + sum(faults) + sum(ignored).
    ``seconds`` is wall time by stage; ``notices`` take no part in the conservation.
    """

    messages: int = 0
    records: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    evidence: Evidence = field(default_factory=Evidence)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to ``seconds[name]``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def unaccounted(self) -> int:
        """Messages that are neither a record nor a fault nor ignored; 0 once the flow has come to rest."""
        return self.messages - self.records - self.faults.total() - self.ignored.total()
