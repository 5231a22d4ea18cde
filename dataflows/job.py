"""The graph with its edges in Kafka, as the settings say; and the wait for the broker before it.

Owns what every way of starting the job has in common: ``dataflows.runner`` for ``obi run``, ``dataflows.imbalance`` for
Bytewax's own cluster.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from bytewax.dataflow import Dataflow

from connectors.broker import Broker, Stop
from connectors.decode import Decoder
from connectors.kafka_sink import KafkaSink
from connectors.kafka_source import KafkaSource, SourceObserver
from connectors.shrink_fault import shrink_fault
from connectors.tail import fault_answers_to, record_answers_to
from connectors.topics import TopicNames
from dataflows.counts import Counts
from dataflows.graph import build
from dataflows.pipeline import Pipeline
from dataflows.settings import Settings
from orderbook import MeasureConfig


def topic_names(settings: Settings) -> TopicNames:
    """The topics by their settings."""
    return TopicNames(
        settings.raw_topic, settings.metrics_topic, settings.faults_topic, settings.checkpoints_topic
    )


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


def job(
    settings: Settings,
    broker: Broker,
    parts: Mapping[str, tuple[int, ...]],
    partitions: Mapping[str, int],
    *,
    counts: Counts,
    begins: Mapping[str, Mapping[int, int]] | None = None,
    start: str = "earliest",
    until_end: bool = False,
    stop: Stop | None = None,
    observer: SourceObserver | None = None,
) -> Dataflow:
    """The graph between the topics that the settings name.

    Args:
        settings: what is measured and how raw messages are read.
        broker: where the topics are.
        parts: partitions of the raw topic by source part.
        partitions: number of partitions by topic.
        counts: counted into.
        begins: by output topic and partition, where the output of this state began.
        start: where partitions without state start.
        until_end: stop where the raw topic ends when the source is built.
        stop: ends the source.
        observer: told how reading goes.
    """
    source = KafkaSource(
        broker,
        settings.raw_topic,
        parts,
        batch_size=settings.batch_size,
        start=start,
        until_end=until_end,
        stop=stop,
        observer=observer,
    )
    metrics, faults = _sinks(settings, broker, partitions, begins or {}, stop)
    return build(source, metrics, faults, pipeline=pipeline_of(settings, counts))


def _sinks(
    settings: Settings,
    broker: Broker,
    partitions: Mapping[str, int],
    begins: Mapping[str, Mapping[int, int]],
    stop: Stop | None,
) -> tuple[KafkaSink, KafkaSink]:
    """The sinks of the metrics and the faults topic."""
    metrics = KafkaSink(
        broker,
        settings.metrics_topic,
        partitions[settings.metrics_topic],
        identify=record_answers_to,
        begins=begins.get(settings.metrics_topic),
        stop=stop,
    )
    faults = KafkaSink(
        broker,
        settings.faults_topic,
        partitions[settings.faults_topic],
        identify=fault_answers_to,
        begins=begins.get(settings.faults_topic),
        shrink=shrink_fault,
        stop=stop,
    )
    return metrics, faults


def pipeline_of(settings: Settings, counts: Counts) -> Pipeline:
    """The steps as the settings say."""
    decoder = Decoder(
        default_venue=settings.default_venue,
        bare_depth=settings.bare_depth,
        depth_levels=settings.depth_levels,
        max_levels=settings.max_levels,
        max_message_bytes=settings.max_message_bytes,
    )
    config = MeasureConfig(
        depth_levels=settings.depth_levels,
        delta_volume_window=settings.delta_volume_window,
        delta_estimator=settings.delta_estimator,
        large_order_threshold_pct=settings.large_order_threshold_pct,
        contract_sizes=settings.contract_sizes,
    )
    return Pipeline(decoder, config, counts)
