"""The graph with its edges in Kafka, as the settings say; and the wait for the broker before it.

Owns what every way of starting the job has in common: ``dataflows.runner`` for ``obi run``, ``dataflows.imbalance`` for
Bytewax's own cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from bytewax.dataflow import Dataflow

from connectors.broker import Broker, Stop
from connectors.decode import Decoder
from connectors.kafka_sink import KafkaSink
from connectors.kafka_source import KafkaSource
from connectors.shrink_fault import shrink_fault
from connectors.source_observer import Settled, SourceObserver
from connectors.tail import fault_answers_to, record_answers_to
from connectors.terms import Claim
from connectors.topics import TopicNames, checkpoints_of
from dataflows.buckets import bucket_of
from dataflows.counts import Counts
from dataflows.graph import build
from dataflows.pipeline import Pipeline
from dataflows.settings import Settings
from dataflows.shelf import Shelf
from orderbook import MeasureConfig, meters

_NUMBERS: Final = {
    "depth_levels",
    "book_levels",
    "delta_volume_window",
    "delta_estimator",
    "large_order_threshold_pct",
    "contract_sizes",
    "default_venue",
    "bare_depth",
    "max_levels",
    "max_message_bytes",
}


def topic_names(settings: Settings) -> TopicNames:
    """The topics by their settings."""
    checkpoints = settings.checkpoints_topic or checkpoints_of(settings.metrics_topic)
    return TopicNames(settings.raw_topic, settings.metrics_topic, settings.faults_topic, checkpoints)


def wait_for(broker: Broker, settings: Settings, stop: Stop | None = None) -> None:
    """Return once the broker answers; waiting is visible in the log.

    Raises:
        BrokerError: it did not within ``broker_timeout``, or ``stop`` was set meanwhile.
    """
    log = structlog.get_logger("obi")
    broker.wait(
        settings.broker_timeout_s,
        lambda waited, reason: log.warning(
            "waiting for the broker",
            address=settings.bootstrap_servers,
            seconds=round(waited),
            of=settings.broker_timeout_s,
            reason=reason,
        ),
        stop,
    )


class Sinks(NamedTuple):
    """Where records and faults go."""

    metrics: KafkaSink
    faults: KafkaSink

    def flushed_s(self) -> float:
        """How long both have held the stream up at the ends of epochs, in all."""
        return self.metrics.flushed_s + self.faults.flushed_s

    def push(self) -> None:
        """Let nothing linger in either."""
        self.metrics.push()
        self.faults.push()

    def ends(self, partition: int) -> tuple[int, int]:
        """Offsets of both topics behind which nothing of a partition is written yet, when all is settled."""
        return self.metrics.ends[partition], self.faults.ends[partition]


def sinks(
    settings: Settings,
    broker: Broker,
    partitions: Sequence[int],
    *,
    begins: Mapping[str, Mapping[int, int]] | None = None,
    claim: Claim | None = None,
    stop: Stop | None = None,
) -> Sinks:
    """The sinks of the metrics and the faults topic.

    Args:
        settings: which topics, and how they are written.
        broker: where the topics are.
        partitions: that this process writes.
        begins: by output topic and partition, where the output of this state began.
        claim: whose the partitions are, and what is done about a second writer.
        stop: cuts waiting for the broker short.
    """
    begins = begins or {}
    metrics, faults = settings.metrics_topic, settings.faults_topic
    interval_ms = settings.transaction_interval_ms if settings.delivery == "transactional" else None
    to = partial(
        KafkaSink,
        broker,
        partitions=partitions,
        claim=claim,
        stop=stop,
        transaction_interval_ms=interval_ms,
        epoch_interval_ms=settings.epoch_interval_ms,
    )
    return Sinks(
        to(metrics, identify=record_answers_to, begins=begins.get(metrics)),
        to(faults, identify=fault_answers_to, begins=begins.get(faults), shrink=shrink_fault),
    )


def job(
    settings: Settings,
    broker: Broker,
    parts: Mapping[str, tuple[int, ...]],
    out: Sinks,
    *,
    counts: Counts,
    shelf: Shelf | None = None,
    begins: Mapping[int, int] | None = None,
    accept_loss: bool = False,
    until_end: bool = False,
    stop: Stop | None = None,
    observer: SourceObserver | None = None,
    on_settled: Settled | None = None,
) -> Dataflow:
    """The graph between the topics that the settings name.

    Args:
        settings: what is measured and how raw messages are read.
        broker: where the topics are.
        parts: partitions of the raw topic by source part.
        out: the sinks.
        counts: counted into.
        shelf: states that instruments begin with; gets all of them.
        begins: by partition, where reading begins when no recovery point says; else ``settings.from_``.
        accept_loss: go on where raw messages were deleted before they were read.
        until_end: stop where the raw topic ends when the source is built.
        stop: ends the source.
        observer: told how reading goes.
        on_settled: called between two epochs (see ``connectors.kafka_source``).
    """
    source = KafkaSource(
        broker,
        settings.raw_topic,
        parts,
        batch_size=settings.batch_size,
        start=settings.from_,
        begins=begins,
        accept_loss=accept_loss,
        until_end=until_end,
        stop=stop,
        observer=observer,
        on_settled=on_settled,
        on_rest=out.push,
    )
    return build(source, out.metrics, out.faults, pipeline=pipeline_of(settings, counts), shelf=shelf)


def numbers_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a record's numbers depend on, as plain JSON values."""
    return settings.model_dump(mode="json", include=_NUMBERS)


def pipeline_of(settings: Settings, counts: Counts) -> Pipeline:
    """The steps as the settings say."""
    decoder = Decoder(
        default_venue=settings.default_venue,
        bare_depth=settings.bare_depth,
        depth_levels=settings.depth_levels,
        max_levels=settings.max_levels,
        max_message_bytes=settings.max_message_bytes,
        books_by=None if meters.KERNEL is None else bucket_of,
    )
    config = MeasureConfig(
        depth_levels=settings.depth_levels,
        book_levels=settings.book_levels,
        delta_volume_window=settings.delta_volume_window,
        delta_estimator=settings.delta_estimator,
        large_order_threshold_pct=settings.large_order_threshold_pct,
        contract_sizes=settings.contract_sizes,
    )
    return Pipeline(decoder, config, counts)
