"""The dataflow for Bytewax's own launcher: ``python -m bytewax.run "dataflows.imbalance:flow()"``.

Owns what such a process does before the graph runs: settings from the environment and ``obi.toml``, signals, and failures
that end with a message and an exit code. ``obi run`` does more, see ``dataflows.runner``.
"""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Final

from bytewax.dataflow import Dataflow

from connectors.broker import Broker, BrokerError
from connectors.kafka_source import part_per_partition
from connectors.topics import PartitionsError, check_topics
from dataflows.counts import Counts
from dataflows.endpoint import served
from dataflows.execution import known_cause, signals_set
from dataflows.graph import FLOW_ID, build
from dataflows.job import job, sinks, topic_names, wait_for
from dataflows.logs import configure_logs
from dataflows.monitor import Monitor
from dataflows.settings import SettingsError, load_settings

__all__ = ["FLOW_ID", "build", "flow"]

_WRONG_SETTINGS: Final = 2
_OUTSIDE_FAILED: Final = 3


def flow() -> Dataflow:
    """The graph between the topics that the settings name, each partition of the raw topic a source part of its own.

    From here to the end of the process SIGINT and SIGTERM end the sources, Prometheus is answered if ``metrics_addr`` is
    set, and errors of settings and broker are told without a traceback.

    Raises:
        SystemExit: with 2 for wrong settings, with 3 when broker or topics are not there.
    """
    try:
        return _flow()
    except (SettingsError, PartitionsError, BrokerError) as error:
        raise SystemExit(_told(error)) from None


def _flow() -> Dataflow:
    settings = load_settings({})
    configure_logs(settings.log_level, settings.log_format)
    stop = threading.Event()
    counts = Counts()
    monitor = Monitor(counts)
    for_good = ExitStack()
    atexit.register(for_good.close)
    for_good.enter_context(signals_set(stop))
    for_good.enter_context(served(monitor.registry, settings.metrics_addr))
    broker = Broker(settings.bootstrap_servers, settings.kafka)
    wait_for(broker, settings, stop)
    names = topic_names(settings)
    partitions = check_topics(broker, names)
    sys.excepthook = _tell
    return job(
        settings,
        broker,
        part_per_partition(range(partitions[names.raw])),
        sinks(settings, broker, range(partitions[names.raw]), stop=stop),
        counts=counts,
        stop=stop,
        observer=monitor,
    )


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Of an error that ended the process: ours as a message and an exit code, others as Python does it."""
    expected = known_cause(error)
    if expected is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        raise SystemExit(_told(expected))


def _told(error: SettingsError | PartitionsError | BrokerError) -> int:
    """Say what went wrong; the exit code for it."""
    sys.stderr.write(f"error: {error}\n")
    return _OUTSIDE_FAILED if isinstance(error, BrokerError) else _WRONG_SETTINGS
