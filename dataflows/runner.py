"""The job as a process: broker, topics, state and journal are made sure of, then the graph runs until it is told to stop.

Owns the order of a start: the cheap and telling checks first, and nothing is written before all of them are passed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from bytewax.dataflow import Dataflow

import kernels
from connectors.broker import Broker, BrokerError
from connectors.source_observer import Settled
from connectors.terms import Claim
from connectors.topics import TopicNames, check_topics
from dataflows.bases import Bases
from dataflows.counts import Counts
from dataflows.endpoint import served
from dataflows.execution import execute, keep_memory, rare_collections, signals_set
from dataflows.generations import Choice, Generations
from dataflows.growth import growth_watched
from dataflows.job import Sinks, job, numbers_settings, sinks, topic_names, wait_for
from dataflows.journaling import Journaling, has_journal
from dataflows.monitor import Monitor
from dataflows.progress import progress_logged
from dataflows.settings import Settings, SettingsError
from dataflows.shards import Shard
from dataflows.shelf import Shelf
from dataflows.state import State, open_state
from orderbook import SCHEMA

PART: Final = "all"
"""Name of the one source part of a shard; recovery finds the position by it."""


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
    settings: Settings,
    *,
    shard: Shard = Shard(),  # noqa: B008 (frozen)
    until_end: bool = False,
    choice: Choice | None = None,
    accept_loss: bool = False,
    stop: threading.Event | None = None,
) -> RunSummary:
    """Run the job until it is told to stop; SIGINT and SIGTERM do (a second one kills), when this is the main thread.

    Args:
        settings: all of them.
        shard: which partitions; all by default.
        until_end: stop at the offsets that are the end of the raw topic now.
        choice: what to do when there is output, and no state of it.
        accept_loss: go on where raw messages were deleted before they were read, with a fault for each partition.
        stop: ends the run cleanly when it is set.

    Raises:
        SettingsError: the state directory can't be used, belongs to another job, or is empty where the output is not.
        PartitionsError: the topics have unequal partitions.
        BrokerError: broker, topics, state directory or the address for Prometheus failed (see its kinds).
    """
    stop = stop or threading.Event()
    counts = Counts()
    monitor = Monitor(counts)
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(signals_set(stop))
        address = stack.enter_context(served(monitor.registry, settings.metrics_addr))
        broker = Broker(settings.bootstrap_servers, settings.kafka)
        if not _is_ready(broker, settings, stop):
            return _summary(counts, begun)
        process = _Process(settings=settings, broker=broker, shard=shard, counts=counts, monitor=monitor, stop=stop)
        flow, state = process.prepare(stack, choice, accept_loss=accept_loss, until_end=until_end)
        log = structlog.get_logger("obi")
        partitions = ",".join(map(str, state.beginning.input))
        log.info(
            "running",
            raw=settings.raw_topic,
            shard=str(shard),
            partitions=partitions,
            state=str(state.folder),
            metrics_addr=address,
            kernels=kernels.kind(),
        )
        stack.enter_context(rare_collections())
        keep_memory()
        execute(flow, state.folder, timedelta(milliseconds=settings.epoch_interval_ms))
    summary = _summary(counts, begun)
    log.info("stopped", why="signal" if stop.is_set() else "end", messages=summary.messages, records=summary.records)
    return summary


@dataclass(frozen=True)
class _Process:
    """One shard on its way to a running graph."""

    settings: Settings
    broker: Broker
    shard: Shard
    counts: Counts
    monitor: Monitor
    stop: threading.Event

    def prepare(
        self, stack: ExitStack, choice: Choice | None, *, accept_loss: bool, until_end: bool
    ) -> tuple[Dataflow, State]:
        """The graph, ready to run on its state; what it needs meanwhile is closed by ``stack``."""
        settings, broker, names = self.settings, self.broker, topic_names(self.settings)
        topics = check_topics(broker, names)
        partitions = self._partitions(topics[names.raw])
        journal = has_journal(broker, names, topics, wanted=settings.checkpoint_interval > 0)
        generations = Generations(broker, names, self.shard, journal=journal, choice=choice, start=settings.from_)
        mine = belongs_to(names)
        state = stack.enter_context(open_state(settings.state_dir, self.shard, mine, partitions, generations.begin))
        if choice == "new" and not state.new:
            structlog.get_logger("obi").warning(
                "going on with the state that is there; --new-generation is for an empty folder",
                state=str(state.folder),
            )
        journaling = stack.enter_context(Journaling(broker, names.checkpoints).opened()) if journal else None
        shelf = Shelf(state.beginning.seed, Bases())
        out = self._sinks(partitions, state, journaling)
        self.monitor.flushes(out.flushed_s)
        flow = job(
            settings,
            broker,
            {PART: partitions},
            out,
            counts=self.counts,
            shelf=shelf,
            begins=state.beginning.input,
            accept_loss=accept_loss,
            until_end=until_end,
            stop=self.stop,
            observer=self.monitor,
            on_settled=self._checkpoints(journaling, state, shelf, out),
        )
        self._watch(stack, partitions, topics[names.raw])
        return flow, state

    def _watch(self, stack: ExitStack, partitions: tuple[int, ...], total: int) -> None:
        """Tell the operator how it goes, and of partitions that are added to ``total``, until ``stack`` is closed."""
        names, shard, monitor = topic_names(self.settings), self.shard, self.monitor
        stack.enter_context(growth_watched(self.broker, names, total, shard=shard, monitor=monitor))
        interval_s = self.settings.progress_interval_s
        stack.enter_context(progress_logged(monitor, self.counts, interval_s, shard, partitions))

    def _sinks(self, partitions: tuple[int, ...], state: State, journaling: Journaling | None) -> Sinks:
        return sinks(
            self.settings,
            self.broker,
            partitions,
            begins=state.beginning.output,
            claim=Claim(f"shard {self.shard}", journaling.superseded if journaling else None, self._rival),
            stop=self.stop,
        )

    def _rival(self, _partition: int) -> None:
        self.counts.notices["second_writer"] += 1

    def _partitions(self, total: int) -> tuple[int, ...]:
        partitions = self.shard.partitions(total)
        if not partitions:
            topic = self.settings.raw_topic
            problem = (
                f"--shard: expected at most {total} shards, as topic {topic} has partitions, received {self.shard}; "
                "an idle shard is no use"
            )
            raise SettingsError([problem])
        return partitions

    def _checkpoints(self, journaling: Journaling | None, state: State, shelf: Shelf, out: Sinks) -> Settled | None:
        """Tell the journal that we write from now on; what leaves checkpoints in it."""
        if journaling is None:
            return None
        numbers = numbers_settings(self.settings)
        journaling.claim(state, PART, self.shard, topic_names(self.settings), numbers)
        interval = self.settings.checkpoint_interval
        return journaling.checkpointer(shelf, out.ends, state.beginning, numbers, interval=interval).settled


def belongs_to(names: TopicNames) -> dict[str, object]:
    """What the state is of: with anything else here it would be continued wrongly."""
    return {
        "schema": SCHEMA,
        "raw_topic": names.raw,
        "metrics_topic": names.metrics,
        "faults_topic": names.faults,
    }


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
