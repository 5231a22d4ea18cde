"""The broker that the settings name, waited for with a visible message."""

from __future__ import annotations

import logging

from connectors.broker import Broker
from dataflows.job import wait_for
from dataflows.settings import Settings


def connect(settings: Settings) -> Broker:
    """The broker, once it answers.

    Raises:
        BrokerError: it did not within ``--broker-timeout``.
    """
    broker = Broker(settings.bootstrap_servers, settings.kafka)
    wait_for(broker, settings)
    return broker


def quiet_kafka() -> None:
    """Keep librdkafka's own words off the screen, where a table stands or a finding says the same."""
    logging.getLogger("obi.kafka").setLevel(logging.CRITICAL)
