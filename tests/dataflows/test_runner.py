"""The runner against the embedded broker: starts, stops, and what it says when something is not there."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
import pytest
import structlog
from bytewax.dataflow import Dataflow
from bytewax.recovery import init_db_dir
from bytewax.testing import TestingSink, TestingSource
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.broker import BrokerError, DeliveryError, TopicMissingError
from connectors.decoded import BookGroups
from connectors.embedded import EmbeddedBroker
from connectors.raw import Fault, RawBatch
from connectors.topics import TopicNames
from dataflows import execution
from dataflows.beginning import Beginning
from dataflows.checkpointer import Checkpointer
from dataflows.counts import Counts
from dataflows.execution import execute, known_cause, rare_collections, signals_set
from dataflows.job import pipeline_of
from dataflows.logs import configure_logs
from dataflows.runner import RunSummary, run
from dataflows.settings import Settings, SettingsError
from dataflows.shards import Shard
from dataflows.state import StateError, open_state
from orderbook.measurer import Measurer
from tests.kafka_server import free_ports
from tests.needs import ROOT

KEY = b"binance-spot:BTCUSDT"


@pytest.fixture(autouse=True)
def _restore_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def settings(embedded: EmbeddedBroker, tmp_path: Path) -> Settings:
    embedded.create(*TopicNames())
    return Settings(
        bootstrap_servers=embedded.bootstrap_servers,
        state_dir=tmp_path / "state",
        epoch_interval_ms=50,
        log_level="error",
    )


def depth(update: int) -> bytes:
    price = 100 + update % 7
    bids, asks = [[f"{price}.0", "1.5"]], [[f"{price + 1}.0", "2.5"]]
    return orjson.dumps(
        {"stream": "btcusdt@depth20@100ms", "data": {"lastUpdateId": update, "bids": bids, "asks": asks}}
    )


def send(servers: str, values: list[bytes], key: bytes = KEY, partition: int = 1) -> None:
    producer = Producer({"bootstrap.servers": servers})
    for value in values:
        producer.produce("depth.raw", value, key, partition, None, None, 1_700_000_000_000)
    assert producer.flush(10) == 0


def read(servers: str, topic: str, partition: int = 1) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "x", "enable.auto.commit": False})
    part = TopicPartition(topic, partition, 0)
    end = consumer.get_watermark_offsets(part, timeout=5)[1]
    consumer.assign([part])
    try:
        return consumer.consume(end, timeout=10) if end else []
    finally:
        consumer.close()


def records(servers: str) -> list[dict[str, Any]]:
    return [orjson.loads(message.value()) for message in read(servers, "depth.metrics")]


def in_background(settings: Settings, stop: threading.Event) -> tuple[threading.Thread, list[RunSummary]]:
    done: list[RunSummary] = []
    thread = threading.Thread(target=lambda: done.append(run(settings, stop=stop)))
    thread.start()
    return thread, done


def wait_for(what: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_until_end_every_message_is_a_record_a_fault_or_ignored(settings: Settings) -> None:
    trade = {
        "stream": "btcusdt@trade",
        "data": {"e": "trade", "E": 1, "T": 1, "t": 1, "p": "100", "q": "1", "m": False},
    }
    send(settings.bootstrap_servers, [depth(1), b"not json", depth(2), orjson.dumps(trade), depth(3)])
    summary = run(settings, until_end=True)
    assert (summary.messages, summary.records) == (5, 3)
    assert (dict(summary.faults), dict(summary.ignored)) == ({"not_json": 1}, {"trade": 1})
    found = records(settings.bootstrap_servers)
    assert [record["seq"] for record in found] == [1, 2, 3]
    assert [record["source"]["offset"] for record in found] == [0, 2, 4]
    (fault,) = read(settings.bootstrap_servers, "depth.faults")
    assert (fault.key(), fault.value()) == (KEY, b"not json")
    assert dict(fault.headers())["obi.reason"] == b"not_json"
    assert {message.timestamp()[1] for message in read(settings.bootstrap_servers, "depth.metrics")} == {
        1_700_000_000_000
    }


def test_a_stop_and_a_restart_repeat_and_lose_nothing(settings: Settings) -> None:
    servers = settings.bootstrap_servers
    send(servers, [depth(update) for update in range(50)])
    stop = threading.Event()
    thread, done = in_background(settings, stop)
    wait_for(lambda: len(read(servers, "depth.metrics")) == 50)
    send(servers, [depth(update) for update in range(50, 90)])
    stop.set()
    thread.join(20)
    assert len(done) == 1
    summary = run(settings, until_end=True)
    assert done[0].messages + summary.messages == 90
    assert [record["seq"] for record in records(servers)] == list(range(1, 91))


def test_latest_leaves_out_what_was_there(settings: Settings) -> None:
    send(settings.bootstrap_servers, [depth(1), depth(2)])
    assert run(settings.model_copy(update={"from_": "latest"}), until_end=True).messages == 0
    send(settings.bootstrap_servers, [depth(3)])
    assert run(settings, until_end=True).messages == 1  # the position is known now, wherever a new run would start


def test_a_missing_topic_names_the_line_to_type(embedded: EmbeddedBroker, tmp_path: Path) -> None:
    embedded.create("depth.raw")
    settings = Settings(bootstrap_servers=embedded.bootstrap_servers, state_dir=tmp_path)
    with pytest.raises(TopicMissingError, match="obi topics create --bootstrap-servers"):
        run(settings, until_end=True)


def test_a_broker_that_is_away_at_the_start_is_an_error_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    settings = Settings(bootstrap_servers=address, state_dir=tmp_path, broker_timeout_s=1.5)
    configure_logs("info", "json")
    start = time.monotonic()
    with pytest.raises(BrokerError, match=f"expected a Kafka broker at {address} within 1.5 s"):
        run(settings)
    assert time.monotonic() - start < 10
    assert "waiting for the broker" in capsys.readouterr().err


def test_a_stop_while_waiting_for_the_broker_is_a_clean_end(tmp_path: Path) -> None:
    settings = Settings(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}", state_dir=tmp_path, log_level="error")
    stop = threading.Event()
    stop.set()
    assert run(settings, stop=stop).messages == 0


def test_two_jobs_on_one_state_directory_are_refused(settings: Settings) -> None:
    with (
        open_state(settings.state_dir, Shard(), {}, (), lambda *_: Beginning({}, {}, {})),
        pytest.raises(StateError, match=f"process {os.getpid()} runs on it"),
    ):
        run(settings, until_end=True)


def test_state_of_other_topics_is_refused(settings: Settings, embedded: EmbeddedBroker) -> None:
    run(settings, until_end=True)
    embedded.create("other")
    with pytest.raises(SettingsError, match=r"raw_topic is 'other' now and was 'depth\.raw'"):
        run(settings.model_copy(update={"raw_topic": "other"}), until_end=True)


def test_what_a_sink_raises_comes_out_as_it_is(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DeliveryError("refused")

    send(settings.bootstrap_servers, [depth(1)])
    monkeypatch.setattr("connectors.outlet.Outlet.settle", refuse)
    with pytest.raises(DeliveryError, match=r"^refused$"):
        run(settings, until_end=True)
    monkeypatch.undo()
    assert run(settings, until_end=True).messages == 1


def test_a_bug_comes_out_with_its_text(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]
    flow = Dataflow("f")
    op.output("out", op.map("m", op.input("in", flow, TestingSource([1])), lambda x: x / 0), TestingSink([]))
    with pytest.raises(Exception) as caught:
        execute(flow, tmp_path, timedelta(seconds=1))
    assert known_cause(caught.value) is None
    causes: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        causes.append(repr(error))
        error = error.__cause__
    assert any("ZeroDivisionError" in cause for cause in causes)


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BaseException("called `Result::unwrap()` on an `Err` value: SqliteFailure(DiskFull)")  # noqa: TRY002 (Rust's panic)

    monkeypatch.setattr(execution, "cli_main", fail)
    with pytest.raises(StateError, match="is the disk full"):
        execute(Dataflow("f"), tmp_path, timedelta(seconds=1))


def test_a_signal_asks_for_the_end_and_the_old_handlers_come_back() -> None:
    stop = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    with signals_set(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(2)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_ends_the_process_at_once() -> None:
    code = (
        "import threading, time; from dataflows.execution import signals_set\n"
        "with signals_set(threading.Event()):\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(0.05)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def test_signals_are_left_alone_in_other_threads() -> None:
    failures: list[BaseException] = []

    def inside() -> None:
        try:
            with signals_set(threading.Event()):
                pass
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert failures == []


def test_the_collector_is_as_before_after_a_run() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold() != before
        assert gc.get_freeze_count() > 0
        assert gc.isenabled()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_between_two_epochs_the_shelf_has_the_states_after_exactly_what_was_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers, shelves = settings.bootstrap_servers, []

    def settled(self: Checkpointer, positions: Mapping[int, int], _bytes: int) -> None:
        shelves.append({p: (position, self._shelf.of_partition(p)) for p, position in positions.items()})

    monkeypatch.setattr(Checkpointer, "settled", settled)
    for number, symbol in enumerate(("BTCUSDT", "ETHUSDT", "XRPUSDT")):
        updates = [depth(update).replace(b"btcusdt", symbol.lower().encode()) for update in range(1_000)]
        send(servers, updates, f"binance-spot:{symbol}".encode(), partition=number % 2)
    run(settings.model_copy(update={"batch_size": 3, "epoch_interval_ms": 10}), until_end=True)

    assert len(shelves) > 3  # a poll has 3 messages, an epoch ends with the first poll after 10 ms
    assert len({position for shelf in shelves for position, _ in shelf.values()}) > 3
    for shelf in shelves:
        for partition, (position, states) in shelf.items():
            assert states == states_after(settings, servers, partition, position)


def states_after(settings: Settings, servers: str, partition: int, position: int) -> dict[str, bytes]:
    """The states of a partition's own instruments, computed from its first messages at once."""
    raw = RawBatch("depth.raw")
    for message in read(servers, "depth.raw", partition)[:position]:
        raw.append(message.value(), key=message.key(), partition=partition, offset=message.offset())
        raw.timestamps_ms[-1] = message.timestamp()[1]
    steps = pipeline_of(settings, Counts())
    logics: dict[str, Measurer] = {}
    for item in steps.decode([raw]):
        assert not isinstance(item, Fault)
        for group in item.groups() if isinstance(item, BookGroups) else [item]:
            steps.measure(logics.setdefault(group.instrument, Measurer(steps.config)), group)
    return {name: logic.state() for name, logic in sorted(logics.items())}
