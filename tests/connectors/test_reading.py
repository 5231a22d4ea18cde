"""The consumer's settings: what users say counts, and librdkafka takes all of it together."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

from connectors.broker import Broker
from connectors.reading import reading

_NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("kafka", "fetch_bytes"),
    [
        ({}, 1_048_576),
        ({"message.max.bytes": "2000"}, 1_048_576),
        ({"message.max.bytes": "20000000"}, 20_000_000),
        ({"fetch.max.bytes": "30000000", "message.max.bytes": "20000000"}, 30_000_000),
    ],
)
def test_an_answer_has_room_for_the_largest_message_that_users_allow(kafka: dict[str, str], fetch_bytes: int) -> None:
    config = reading(Broker(_NOBODY, {**kafka, "log_level": "0"}), tells_ends=True)
    assert int(config["fetch.max.bytes"]) == fetch_bytes
    Consumer(config).close()  # it refuses what does not go together


def test_users_can_not_have_what_is_gone_skipped() -> None:
    config = reading(
        Broker(_NOBODY, {"auto.offset.reset": "latest", "queued.max.messages.kbytes": "1"}), tells_ends=False
    )
    assert config["auto.offset.reset"] == "error"
    assert config["queued.max.messages.kbytes"] == "1"
    assert config["enable.partition.eof"] is False
