"""What came of a run, read back from the topics: records as they are compared, and audits by the exchange's own words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from connectors.decode import Decoder
from connectors.recordings import RecordingReader
from consumers.audits import Audits, instrument_of
from consumers.witness import read_testimony
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import MeasureConfig
from tests.deployment import Deployment, record
from tests.kafka_reading import read_topic

ByInstrument = dict[str, list[bytes]]

WINDOW = 100
_RECEIVED = re.compile(rb'"receive_time_ns":\d+')
_SOURCE = re.compile(rb'"source":\{[^}]*\}')


def comparable(value: bytes) -> bytes:
    """A record without where its message lay and when it was received."""
    return _SOURCE.sub(b'"source":{}', _RECEIVED.sub(b'"receive_time_ns":0', value))


def measured(paths: Iterable[Path]) -> ByInstrument:
    """The records of recordings, as `obi measure` gives them."""
    found: ByInstrument = defaultdict(list)
    for path in paths:
        pipeline = Pipeline(Decoder(), MeasureConfig(), Counts())
        for result in measure_batches(pipeline, RecordingReader(path).batches()):
            for value in result.records:
                row = record(value)
                found[f"{row['venue']}:{row['symbol']}"].append(comparable(value))
    return found


def written(deployment: Deployment) -> ByInstrument:
    """The records of a job by key."""
    found: ByInstrument = defaultdict(list)
    for message in read_topic(deployment.servers, deployment.metrics):
        found[(message.key or b"").decode()].append(comparable(message.value or b""))
    return found


def audited(deployment: Deployment) -> Audits:
    """The records of a job, held against the quotes and trades in its raw topic."""
    audits = Audits(WINDOW)
    for message in read_topic(deployment.servers, deployment.raw):
        symbol, testimony = read_testimony(message.value, message.headers)
        audits.testimony(instrument_of(message.key, symbol), message.offset, testimony)
    for message in read_topic(deployment.servers, deployment.metrics):
        row = record(message.value)
        audits.record(row["source"]["offset"], row)
    audits.finish()
    return audits
