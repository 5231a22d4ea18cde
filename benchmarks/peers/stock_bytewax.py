"""Bytewax as its documentation shows it: its own Kafka source and sink, ``stateful_map`` a message.

``python -m benchmarks.peers.stock_bytewax BOOTSTRAP RAW OUT``. Without recovery, which is kinder to it: no snapshots. Its sink
checks no delivery and chooses partitions by itself.
"""

from __future__ import annotations

import sys
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from benchmarks.peers.eight import step


def graph(bootstrap: str, raw: str, out: str) -> Dataflow:
    """From the beginning of the raw topic to what is its end at the start."""
    flow = Dataflow("stock")
    messages = kop.input("in", flow, brokers=[bootstrap], topics=[raw], tail=False)
    keyed = op.map("decode", messages.oks, decode)
    records = op.stateful_map("measure", keyed, step)
    kop.output("out", op.map("encode", records, encode), brokers=[bootstrap], topic=out)
    return flow


def decode(message: KafkaSourceMessage[bytes | None, bytes | None]) -> tuple[str, dict[str, Any]]:
    """(instrument, payload)."""
    return (message.key or b"").decode(), orjson.loads(message.value or b"")["data"]


def encode(item: tuple[str, dict[str, Any]]) -> KafkaSinkMessage[bytes, bytes]:
    """As it goes to Kafka."""
    instrument, record = item
    return KafkaSinkMessage(instrument.encode(), orjson.dumps(record))


if __name__ == "__main__":
    run_main(graph(*sys.argv[1:]))  # type: ignore[no-untyped-call]
