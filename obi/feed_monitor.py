"""What Prometheus can read of a running feed.

Owns the metric names that begin with ``obi_feed_`` (a contract with dashboards and alerts). All values are read from the
feed when Prometheus asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from connectors.binance.status import FeedStatus
from connectors.live.outflow import Outflow
from connectors.raw_topic import LATENCY_BUCKETS_S

_COUNTERS: Final[Mapping[str, str]] = {
    "frames": "Messages of streams that were received.",
    "frames_bad": "Frames that are no JSON object with a known stream; the job makes faults of them.",
    "repeated": "Messages whose id repeats or goes back; written as received.",
    "dropped": "Second copies while a new connection took over from an old one; not written.",
    "gaps": "Breaks in the ids of differences; each asks for a snapshot.",
    "polls": "Whole books polled by REST.",
    "connects": "Attempts to connect.",
}
_BY: Final[Mapping[str, tuple[str, str]]] = {
    "snapshots": ("purpose", "REST snapshots written, by what they were for."),
    "fetches_failed": ("reason", "REST answers that could not be used."),
    "reconnects": ("cause", "Connections that ended and were replaced."),
    "notes": ("kind", "Lines in the log, by kind."),
}
_GAUGES: Final[Mapping[str, str]] = {
    "sockets": "Connections wanted.",
    "sockets_up": "Connections that stand.",
    "streams": "Streams wanted.",
    "streams_up": "Streams that are subscribed.",
    "streams_silent": "Streams without a message for too long.",
    "resyncing": "Symbols that wait for a snapshot that joins.",
    "weight_used": "REST weight of the last minute.",
    "weight_limit": "What the feed allows itself of it.",
}


class FeedMonitor(Collector):
    """A registry of its own with all metrics of one feed.

    Args:
        status: what the core counts.
        out: what is on its way to Kafka; None: nothing yet.
    """

    def __init__(self, status: FeedStatus, out: Outflow | None) -> None:
        self._status = status
        self._out = out
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        """All values as they are now."""
        status = self._status
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"obi_feed_{name}", text, value=getattr(status, name))
        for name, (label, text) in _BY.items():
            family = CounterMetricFamily(f"obi_feed_{name}", text, labels=[label])
            # A copy in one step: the feed may add a name meanwhile.
            for key, value in sorted(dict(getattr(status, name)).items()):
                family.add_metric([key], value)
            yield family
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"obi_feed_{name}", text, value=getattr(status, name))
        lag = GaugeMetricFamily("obi_feed_lag_ms", "Receive time minus event time; below 0 where our clock is behind.")
        if status.lag_ms is not None:
            lag.add_metric([], status.lag_ms)
        yield lag
        now_s = self._out.now_s if self._out else time.monotonic()
        down_s = 0.0 if status.down_since_s is None else now_s - status.down_since_s
        yield GaugeMetricFamily("obi_feed_down_seconds", "Nothing has been connected for so long.", value=down_s)
        yield from self._kafka()

    def _kafka(self) -> Iterator[Metric]:
        out = self._out
        yield CounterMetricFamily("obi_feed_written", "Messages handed to Kafka.", value=out.written if out else 0)
        acknowledged = out.acknowledged if out else 0
        yield CounterMetricFamily("obi_feed_acknowledged", "Messages that Kafka has acknowledged.", value=acknowledged)
        waiting = out.waiting if out else 0
        yield GaugeMetricFamily("obi_feed_waiting", "Messages that Kafka has not acknowledged yet.", value=waiting)
        pauses = "A full queue of Kafka's stopped reading; nothing is dropped."
        yield CounterMetricFamily("obi_feed_pauses", pauses, value=out.pauses if out else 0)
        family = HistogramMetricFamily(
            "obi_feed_acknowledgement_seconds", "From handing a message to Kafka to its acknowledgement."
        )
        counts, below, buckets = out.latencies if out else [0] * (len(LATENCY_BUCKETS_S) + 1), 0, []
        for bound, count in zip((*map(str, LATENCY_BUCKETS_S), "+Inf"), counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric([], buckets, out.latency_s if out else 0.0)
        yield family
