"""What Prometheus may know of a run: the numbers of ``Counts``, and how reading goes, served on ``metrics_addr``.

Owns the metrics' names. Everything is read from plain numbers when it is asked for; the hot path adds to them by batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import version
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from connectors.broker import BrokerError
from dataflows.counts import Counts
from dataflows.settings import split_address

_BATCHES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_PACKAGES: Final = {"obi": "orderbook-imbalance", "bytewax": "bytewax", "confluent_kafka": "confluent-kafka"}

DOCUMENTED: Final = (
    ("obi_messages_total", "counter", "Raw messages decoded."),
    ("obi_bytes_total", "counter", "Bytes of raw values read."),
    ("obi_records_total", "counter", "Metric records encoded."),
    ("obi_faults_total", "counter", "Messages that could not be used, by `reason`."),
    ("obi_ignored_total", "counter", "Messages that are no record by their nature, by `reason`."),
    ("obi_notices_total", "counter", "Gaps, id resets and other things worth a look, by `kind`."),
    ("obi_lag_messages", "gauge", "Raw messages not read yet, by `partition`."),
    ("obi_batch_messages", "histogram", "Messages in a poll."),
    ("obi_stage_seconds_total", "counter", "Wall time by `stage`: decode, measure, encode."),
    ("obi_epoch_age_seconds", "gauge", "Time since the last recovery point was begun."),
    ("obi_build_info", "gauge", "1, with the versions as labels."),
)
"""Name, kind and meaning of what is served; docs/operations.md shows this table."""


class Monitor(Collector):
    """Collects on demand from ``counts`` and from what the source reports (it is a ``SourceObserver``)."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.registry = CollectorRegistry()
        self._bytes = 0
        self._lag: dict[int, int] = {}
        self._epoch_at = time.monotonic()
        self._versions = [version(package) for package in _PACKAGES.values()]
        self._sizes = Histogram("obi_batch_messages", "Messages in a poll.", buckets=_BATCHES, registry=self.registry)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def batch(self, messages: int, size_bytes: int) -> None:
        """A batch was read."""
        self._sizes.observe(messages)
        self._bytes += size_bytes

    def lag(self, partition: int, messages: int) -> None:
        """So many messages of a partition are not read yet."""
        self._lag[partition] = messages

    def recovery_point(self) -> None:
        """The position was taken for a recovery point: an epoch ended."""
        self._epoch_at = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now (called by Prometheus' client)."""
        counts, meaning = self.counts, {name: text for name, _, text in DOCUMENTED}
        yield CounterMetricFamily("obi_messages", meaning["obi_messages_total"], value=counts.messages)
        yield CounterMetricFamily("obi_bytes", meaning["obi_bytes_total"], value=self._bytes)
        yield CounterMetricFamily("obi_records", meaning["obi_records_total"], value=counts.records)
        for name, label, values in (
            ("obi_faults", "reason", counts.faults),
            ("obi_ignored", "reason", counts.ignored),
            ("obi_notices", "kind", counts.notices),
            ("obi_stage_seconds", "stage", counts.seconds),
        ):
            labelled = CounterMetricFamily(name, meaning[f"{name}_total"], labels=[label])
            for value, amount in list(values.items()):
                labelled.add_metric([value], amount)
            yield labelled
        lag = GaugeMetricFamily("obi_lag_messages", meaning["obi_lag_messages"], labels=["partition"])
        for partition, messages in sorted(self._lag.items()):
            lag.add_metric([str(partition)], messages)
        yield lag
        age = time.monotonic() - self._epoch_at
        yield GaugeMetricFamily("obi_epoch_age_seconds", meaning["obi_epoch_age_seconds"], value=age)
        build = GaugeMetricFamily("obi_build_info", meaning["obi_build_info"], labels=list(_PACKAGES))
        build.add_metric(self._versions, 1)
        yield build

    def serve(self, address: str) -> tuple[WSGIServer, Thread]:
        """Serve ``/metrics`` on ``host:port`` from a thread; port 0 is any free one (``server.server_port`` tells).

        Raises:
            BrokerError: the address can't be had (exit code 3).
        """
        host, port = split_address(address)
        try:
            return start_http_server(port, host or "0.0.0.0", registry=self.registry)  # noqa: S104  # as was asked for
        except OSError as error:
            raise BrokerError(
                f"expected to serve metrics on {address}, received: {error.strerror or error}; "
                "choose another --metrics-addr (port 0: any free one) or stop what listens there"
            ) from error
