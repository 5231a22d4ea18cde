"""What Prometheus can read of a running job.

Owns the metric names (a contract with dashboards and alerts). Most values are read from ``Counts`` when Prometheus asks;
the rest is told by the source, by batch or by second. Nothing is counted here message by message.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from dataflows.counts import Counts

BATCH_BUCKETS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
PAUSE_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Monitor(Collector):
    """A registry of its own with all metrics of one job; a source's observer."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._lag: dict[int, int] = {}
        self._bytes = 0
        self._unread = 0
        self._recovery_point = time.monotonic()
        self.registry = CollectorRegistry()
        self._batches = Histogram(
            "obi_batch_messages", "Raw messages read at once.", buckets=BATCH_BUCKETS, registry=self.registry
        )
        self._pauses = Histogram(
            "obi_epoch_pause_seconds",
            "Nothing was read for so long between two epochs: acknowledgement and recovery point.",
            buckets=PAUSE_BUCKETS,
            registry=self.registry,
        )
        self._flushes = Histogram(
            "obi_flush_seconds",
            "At an epoch's end the stream stood still for so long, until all outputs were acknowledged.",
            buckets=PAUSE_BUCKETS,
            registry=self.registry,
        )
        self._flushed_s: Callable[[], float] = float
        self._flushed_before_s = 0.0
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def batch(self, messages: int, size_bytes: int) -> None:
        """A batch was read."""
        self._batches.observe(messages)
        self._bytes += size_bytes

    def lag(self, partition: int, messages: int) -> None:
        """So many messages of a partition are not read yet."""
        self._lag[partition] = messages

    def total_lag(self) -> int | None:
        """Messages of all partitions that are not read yet; None until that is known."""
        lag = self._lag.copy()
        return sum(lag.values()) if lag else None

    def unread(self, partitions: int) -> None:
        """So many partitions were added since the start and are not read."""
        self._unread = partitions

    def recovery_point(self) -> None:
        """The position was taken for a recovery point."""
        self._recovery_point = time.monotonic()

    def flushes(self, total_s: Callable[[], float]) -> None:
        """Ask ``total_s`` after each epoch how long outputs have held the stream up, in all."""
        self._flushed_s, self._flushed_before_s = total_s, total_s()

    def epoch_pause(self, seconds: float) -> None:
        """Nothing was read for so long between two epochs."""
        self._pauses.observe(seconds)
        total_s = self._flushed_s()
        self._flushes.observe(total_s - self._flushed_before_s)
        self._flushed_before_s = total_s

    def collect(self) -> Iterator[Metric]:
        """All values as they are now."""
        counts = self._counts
        yield _count("obi_messages", "Raw messages read.", counts.messages)
        yield _count("obi_read_bytes", "Bytes of raw messages read.", self._bytes)
        yield _count("obi_records", "Metric records written.", counts.records)
        yield _by("obi_faults", "Raw messages that could not be used.", "reason", counts.faults)
        yield _by("obi_ignored", "Raw messages that are no depth messages, or were seen.", "reason", counts.ignored)
        yield _by("obi_notices", "Things worth a look, not part of the conservation.", "kind", counts.notices)
        yield _by("obi_stage_seconds", "Time spent, by stage.", "stage", counts.seconds)
        yield from self._evidence()
        lag = GaugeMetricFamily("obi_lag_messages", "Raw messages not read yet.", labels=["partition"])
        for partition, messages in sorted(self._lag.copy().items()):
            lag.add_metric([str(partition)], messages)
        yield lag
        unread = "Partitions added to the raw topic since the start; the next start reads them."
        yield GaugeMetricFamily("obi_partitions_unread", unread, value=self._unread)
        age = time.monotonic() - self._recovery_point
        yield GaugeMetricFamily("obi_epoch_age_seconds", "Time since the last recovery point.", value=age)
        build = GaugeMetricFamily("obi_build_info", "Versions; always 1.", labels=["version", "bytewax", "python"])
        build.add_metric([_version("orderbook-imbalance"), _version("bytewax"), platform.python_version()], 1)
        yield build

    def _evidence(self) -> Iterator[Metric]:
        """How full books compare with what else the venue tells of them."""
        evidence = self._counts.evidence
        last = "Share of the book's levels that equalled a later snapshot's, at the last audit."
        match = GaugeMetricFamily("obi_audit_match_pct", last, labels=["instrument"])
        for instrument, match_pct in sorted(evidence.audit_match_pct.copy().items()):
            match.add_metric([instrument], match_pct)
        yield match
        yield _by("obi_audits", "Full books held against a later snapshot.", "instrument", evidence.audits)
        checks, mismatches = (
            "Full books held against bookTicker.",
            "Of these, books with another best price or quantity.",
        )
        yield _by("obi_quote_checks", checks, "instrument", evidence.quote_checks)
        yield _by("obi_quote_mismatches", mismatches, "instrument", evidence.quote_mismatches)


def _count(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    # A copy in one step: the worker may add a name meanwhile.
    for key, value in sorted(dict(values).items()):
        family.add_metric([key], value)
    return family


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
