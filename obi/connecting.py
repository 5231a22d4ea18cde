"""The broker that the settings name, waited for with a visible message."""

from __future__ import annotations

import logging

import structlog

from connectors.broker import Broker
from dataflows.settings import Settings


def connect(settings: Settings) -> Broker:
    """The broker, once it answers.

    Raises:
        BrokerError: it did not within ``--broker-timeout``.
    """
    broker = Broker(settings.bootstrap_servers, settings.kafka)
    broker.wait(settings.broker_timeout_s, lambda waited, reason: _say(settings, waited, reason))
    return broker


def quiet_kafka() -> None:
    """Keep librdkafka's own words off the screen, where a table stands or a finding says the same."""
    logging.getLogger("obi.kafka").setLevel(logging.CRITICAL)


def _say(settings: Settings, waited: float, reason: str) -> None:
    structlog.get_logger("obi").warning(
        "waiting for the broker",
        address=settings.bootstrap_servers, seconds=round(waited), of=settings.broker_timeout_s, reason=reason,
    )  # fmt: skip
