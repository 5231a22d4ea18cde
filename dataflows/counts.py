"""What a run has seen so far, as plain numbers: the conservation of messages, notices, seconds by stage.

Owns the one object that the stages add to (per batch, never per message) and that summaries and the metrics endpoint
read. One writer, the worker's thread; readers may see a batch half counted, never a wrong total at the end.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


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
