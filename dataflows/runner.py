"""The job as a process: broker, topics and state are made sure of, the graph runs, signals end it cleanly.

Owns the order of a start (the cheap and telling checks first), what a signal does, and the way a failure inside Bytewax
comes out as the error that it was.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from connectors.broker import Broker, BrokerError
from connectors.topics import TopicNames, check_topics
from dataflows.counts import Counts
from dataflows.job import job, topic_names, wait_for
from dataflows.monitor import Monitor
from dataflows.recovery import StateError, open_state
from dataflows.settings import Settings, SettingsError
from orderbook import SCHEMA

PART: Final = "all"
"""Name of the one source part of a shard; recovery finds the position by it."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_GC_THRESHOLD: Final = (100_000, 20, 20)
"""Batches make many objects and hardly a cycle: the default (700, 10, 10) looks for cycles all the time, 6 % of it."""

_STORE_FAILED: Final = ("SqliteFailure", "database or disk is full", "disk I/O error")


@dataclass(frozen=True)
class RunSummary:
    """What a run did. Once it came to rest: messages == records + sum(faults) + sum(ignored)."""

    messages: int
    records: int
    faults: Mapping[str, int]
    ignored: Mapping[str, int]
    notices: Mapping[str, int]
    elapsed_s: float


def run(
    settings: Settings, *, until_end: bool = False, start: str | None = None, stop: threading.Event | None = None
) -> RunSummary:
    """Run the job until it is told to stop; SIGINT and SIGTERM do (a second one kills), when this is the main thread.

    Args:
        settings: all of them.
        until_end: stop at the offsets that are the end of the raw topic now.
        start: ``earliest`` or ``latest``, where there is no state; default ``settings.from_``.
        stop: ends the run cleanly when it is set.

    Raises:
        SettingsError: the state directory can't be used or belongs to another job.
        BrokerError: broker, topics, state directory or the address for Prometheus failed (see its kinds).
    """
    log = structlog.get_logger("obi")
    stop = stop or threading.Event()
    counts = Counts()
    monitor = Monitor(counts)
    broker = Broker(settings.bootstrap_servers, settings.kafka)
    names = topic_names(settings)
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(signals_set(stop))
        address = stack.enter_context(monitor.served(settings.metrics_addr))
        if not _is_ready(broker, settings, stop):
            return _summary(counts, begun)
        partitions = check_topics(broker, names)
        ends = partial(output_ends, broker, names, partitions)
        state = stack.enter_context(open_state(settings.state_dir, belongs_to(names, partitions), ends))
        parts = {PART: tuple(range(partitions[names.raw]))}
        flow = job(
            settings,
            broker,
            parts,
            partitions,
            counts=counts,
            begins=state.begins,
            start=start or settings.from_,
            until_end=until_end,
            stop=stop,
            observer=monitor,
        )
        log.info(
            "running", raw=names.raw, partitions=partitions[names.raw], state=str(state.folder), metrics_addr=address
        )
        stack.enter_context(rare_collections())
        execute(flow, state.folder, timedelta(milliseconds=settings.epoch_interval_ms))
    summary = _summary(counts, begun)
    log.info("stopped", why="signal" if stop.is_set() else "end", messages=summary.messages, records=summary.records)
    return summary


def belongs_to(names: TopicNames, partitions: Mapping[str, int]) -> dict[str, object]:
    """What the state is of: with anything else here it would be continued wrongly."""
    return {
        "schema": SCHEMA,
        "raw_topic": names.raw,
        "metrics_topic": names.metrics,
        "faults_topic": names.faults,
        "partitions": partitions[names.raw],
    }


def output_ends(broker: Broker, names: TopicNames, partitions: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """By output topic and partition the offset that the next message gets: where the output of a new state begins."""
    return {
        topic: {partition: end for partition, (_, end) in broker.offsets(topic, range(partitions[topic])).items()}
        for topic in (names.metrics, names.faults)
    }


def execute(flow: Dataflow, folder: Path, epoch_interval: timedelta) -> None:
    """Run a graph with recovery in this thread; errors come out as they were raised inside.

    Raises:
        StateError: the recovery store could not be written.
        BrokerError: what source or sinks raised.
    """
    try:
        cli_main(flow, epoch_interval=epoch_interval, recovery_config=RecoveryConfig(str(folder)))  # type: ignore[no-untyped-call]  # Bytewax's stub has no types here
    except BaseException as error:
        expected = known_cause(error)
        if expected is not None:
            raise expected from None
        # A failure inside Bytewax's store is a panic of Rust: no Exception, and its text is all there is.
        if any(sign in str(error) for sign in _STORE_FAILED):
            raise StateError(
                f"expected to write recovery state in {folder}, received: {error}; is the disk full?"
            ) from error
        raise


def known_cause(error: BaseException) -> BrokerError | SettingsError | None:
    """The error of ours that Bytewax has wrapped in its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BrokerError | SettingsError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


@contextmanager
def signals_set(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set ``stop``; a second one does what it does by default. Only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely, and never among what was there before; memory stays bounded all the same."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _is_ready(broker: Broker, settings: Settings, stop: threading.Event) -> bool:
    """Wait for the broker; False when we were told to stop meanwhile."""
    try:
        wait_for(broker, settings, stop)
    except BrokerError:
        if stop.is_set():
            return False
        raise
    return True


def _summary(counts: Counts, begun: float) -> RunSummary:
    return RunSummary(
        counts.messages,
        counts.records,
        dict(counts.faults),
        dict(counts.ignored),
        dict(counts.notices),
        time.monotonic() - begun,
    )
