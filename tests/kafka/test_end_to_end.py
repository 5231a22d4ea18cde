"""The whole way on a real broker: what `obi measure` writes without one comes out of Kafka, byte for byte but `source`."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.raw_topic import partition_of
from connectors.recordings import RecordingReader
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import MeasureConfig
from simulator import default_instruments, simulate
from tests.corpus.case import Case
from tests.corpus.malformed import GOOD, MALFORMED
from tests.deployment import PARTITIONS, Deployment
from tests.kafka_fixtures import Kafka
from tests.kafka_reading import read_topic
from tests.kafka_topics import Topics

BROKER_LIMIT_BYTES = 1_000_000

ByInstrument = dict[bytes, list[bytes]]


@pytest.fixture
def deployment(kafka: Kafka, topics: Topics, tmp_path: Path) -> Deployment:
    return Deployment(kafka.bootstrap_servers, topics, tmp_path)


def market() -> Iterator[RawBatch]:
    """All three venues, differences and partial depth."""
    raw = RawBatch("market")
    for offset, event in enumerate(simulate(default_instruments(5), seconds=15, seed=5)):
        key = f"{event.venue}:{event.symbol}".encode()
        headers = [("recv_ns", str(event.recv_ns).encode())]
        raw.append(event.payload, key=key, headers=headers, offset=offset)
    yield raw


def without_source(record: bytes) -> bytes:
    return re.sub(rb',"source":\{[^}]*\}', b"", record)


def expected(batches: Iterable[RawBatch]) -> ByInstrument:
    """Records by key, as they come without a broker."""
    out: ByInstrument = defaultdict(list)
    for result in measure_batches(Pipeline(Decoder(), MeasureConfig(), Counts()), batches):
        for record in result.records:
            venue, symbol = re.findall(rb'"(?:venue|symbol)":"([^"]*)"', record)[:2]
            out[venue + b":" + symbol].append(without_source(record))
    return out


def read(servers: str, topic: str) -> Iterator[tuple[int, bytes | None, bytes | None, dict[str, bytes]]]:
    """(partition, key, value, headers) of everything in a topic."""
    for message in read_topic(servers, topic):
        yield message.partition, message.key, message.value, dict(message.headers)


def written(deployment: Deployment) -> ByInstrument:
    """Records by key, as they lie in Kafka, each on its instrument's partition."""
    out: ByInstrument = defaultdict(list)
    for partition, key, value, _ in read(deployment.servers, deployment.metrics):
        assert key is not None
        assert value is not None
        assert partition == partition_of(key, PARTITIONS)
        out[key].append(without_source(value))
    return out


def feed(deployment: Deployment, batches: Iterable[RawBatch]) -> None:
    producer = Producer({"bootstrap.servers": deployment.servers, "linger.ms": 5})
    for raw in batches:
        for value, key, headers in zip(raw.values, raw.keys, raw.headers, strict=True):
            own: list[tuple[str, str | bytes | None]] = list(headers or [])
            producer.produce(deployment.raw, value, key, partition_of(key, PARTITIONS), headers=own)
        producer.poll(0)
    assert producer.flush(60) == 0


def recording(path: Path, size: int = 1000) -> Iterator[RawBatch]:
    return RecordingReader(path).batches(size)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7, 1000, 10_000])
def test_the_simulated_market_comes_out_as_measured_at_any_batch_size(deployment: Deployment, batch_size: int) -> None:
    feed(deployment, market())
    deployment.run("--batch-size", str(batch_size))

    assert written(deployment) == expected(market())


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.parametrize("batch_size", [1, 7, 1000, 10_000])
def test_recordings_come_out_as_measured_at_any_batch_size(
    deployment: Deployment, recordings: Path, batch_size: int
) -> None:
    paths = [next((recordings / "sample").glob(f"{name}_*.gz")) for name in ("spot_btcusdt", "usdm_ethusdt")]
    for path in paths:
        feed(deployment, recording(path))
    deployment.run("--batch-size", str(batch_size))

    assert written(deployment) == expected(batch for path in paths for batch in recording(path))


@pytest.mark.slow
@pytest.mark.recordings
def test_stops_in_the_middle_do_not_show(deployment: Deployment, recordings: Path) -> None:
    path = next((recordings / "sample").glob("usdm_btcusdt_*.gz"))
    parts = list(recording(path, 4000))
    seen = [0]
    for part in parts:
        with deployment.running("--batch-size", "40") as process:
            feed(deployment, [part])
            deployment.wait_for(seen[-1] + 1)
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=30)
            assert process.returncode == 0, log
        seen.append(sum(map(len, deployment.seqs())))
    deployment.run()

    assert written(deployment) == expected(recording(path))
    assert len(set(seen)) == len(parts) + 1 >= 4


def corpus() -> list[Case]:
    """Malformed and good ones in turns, all but the one that no broker takes by default."""
    cases = []
    for index, case in enumerate(MALFORMED):
        cases += [case, GOOD[index % len(GOOD)]] if index < len(GOOD) else [case]
    return [case for case in cases if len(case.value or b"") < BROKER_LIMIT_BYTES]


def test_every_malformed_message_is_one_fault_and_every_good_one_keeps_its_fate(deployment: Deployment) -> None:
    cases = corpus()
    raw = RawBatch(deployment.raw)
    producer = Producer({"bootstrap.servers": deployment.servers})
    for offset, case in enumerate(cases):
        headers: list[tuple[str, str | bytes | None]] = list(case.headers or [])
        now = int(time.time() * 1000)
        producer.produce(deployment.raw, case.value, case.key, 0, None, None, now, headers or None)
        raw.append(case.value, key=case.key, headers=case.headers, offset=offset, timestamp_ms=now)
    assert producer.flush(30) == 0
    counts = Counts()
    (result,) = measure_batches(Pipeline(Decoder(), MeasureConfig(), counts), [raw])

    deployment.run()

    faults = list(read(deployment.servers, deployment.faults))
    bad = [case for case in cases if case in MALFORMED]
    assert [headers["obi.reason"].decode() for *_, headers in faults] == [case.expected for case in bad]
    assert [(key, value) for _, key, value, _ in faults] == [(case.key or None, case.value) for case in bad]
    places = [(headers["obi.topic"].decode(), int(headers["obi.offset"])) for *_, headers in faults]
    assert places == [(deployment.raw, offset) for offset, case in enumerate(cases) if case in MALFORMED]
    records = Counter(without_source(value or b"") for _, _, value, _ in read(deployment.servers, deployment.metrics))
    assert records == Counter(map(without_source, result.records))
    assert len(bad) >= 60
    assert len(cases) == len(faults) + records.total() + counts.ignored.total()
