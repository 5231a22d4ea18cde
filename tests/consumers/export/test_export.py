"""The export on a broker: whatever happens on the way, the same offsets are the same files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import orjson
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from confluent_kafka import Producer

from connectors.broker import Broker, OffsetsLostError
from connectors.embedded import EmbeddedBroker
from consumers.export import files
from consumers.export.errors import ExportError
from consumers.export.export import Export, Stretch
from consumers.export.table import from_table, schema
from orderbook.record import NAMES
from tests.needs import ROOT

TOPIC = "depth.metrics"
DAY_MS = 86_400_000
BEGIN_MS = 19_943 * DAY_MS - 3_000  # three seconds before 2024-08-08
VALUES = dict.fromkeys(NAMES)


def record(seq: int, symbol: str, partition: int) -> bytes:
    source = {"topic": "raw", "partition": partition, "offset": seq}
    told = {"schema": 1, "venue": "binance-spot", "symbol": symbol, "seq": seq, "event_time_ms": BEGIN_MS + seq * 100}
    return orjson.dumps({**VALUES, **told, "mid_price": 100.0 + seq / 7, "state": "live", "gaps": 0, "source": source})


class Topic:
    """A metrics topic on the embedded broker: two instruments in partition 0, one in partition 1."""

    def __init__(self, embedded: EmbeddedBroker) -> None:
        embedded.create(TOPIC)
        self.broker = Broker(embedded.bootstrap_servers)
        self._producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
        self.ends = [0, 0]
        self.written: list[list[bytes]] = [[], []]

    def write(self, count: int) -> None:
        for _ in range(count):
            for partition, symbols in enumerate((("A", "B"), ("C",))):
                end = self.ends[partition]
                value = record(end, symbols[end % len(symbols)], partition)
                self._producer.produce(TOPIC, value, b"k", partition, timestamp=BEGIN_MS + end)
                self.ends[partition] += 1
                self.written[partition].append(value)
        assert self._producer.flush(10) == 0

    def stretches(self, end: int | None = None) -> list[Stretch]:
        return [Stretch(partition, 0, None, end or self.ends[partition]) for partition in range(2)]

    def export(self, folder: Path, end: int | None = None) -> Export:
        run = Export(self.broker, TOPIC, folder, file_offsets=20)
        run.run(self.stretches(end))
        return run


@pytest.fixture
def topic(embedded: EmbeddedBroker) -> Topic:
    made = Topic(embedded)
    made.write(70)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_record_comes_back_from_the_files(topic: Topic, tmp_path: Path) -> None:
    run = topic.export(tmp_path)
    rows = [
        row
        for info in run.manifest.files.values()
        for row in from_table(files.read_table(tmp_path, info.path, schema(TOPIC)))
    ]
    rows.sort(key=lambda row: (row.partition, row.offset))

    assert [row.value for row in rows] == [*topic.written[0], *topic.written[1]]
    assert [row.timestamp_ms for row in rows[:2]] == [BEGIN_MS, BEGIN_MS + 1]
    assert run.manifest.records == 140


def test_files_lie_by_day_and_instrument_and_the_manifest_tells_them(topic: Topic, tmp_path: Path) -> None:
    topic.export(tmp_path)
    manifest = orjson.loads((tmp_path / "_manifest.json").read_bytes())
    paths = {info["path"] for info in manifest["files"]}

    assert "day=2024-08-07/instrument=binance-spot%3AA/00000-00000000000000000000.parquet" in paths
    assert "day=2024-08-08/instrument=binance-spot%3AC/00001-00000000000000000060.parquet" in paths
    assert paths | {"_manifest.json"} == contents(tmp_path).keys()
    assert manifest["partitions"][1] == {"partition": 1, "begin": 0, "end": 70, "records": 70, "not_records": 0}
    assert sum(info["rows"] for info in manifest["files"]) == 140


def test_a_second_run_changes_nothing(topic: Topic, tmp_path: Path) -> None:
    topic.export(tmp_path)
    before = contents(tmp_path)
    topic.export(tmp_path)

    assert contents(tmp_path) == before


def test_many_runs_leave_the_files_of_one(topic: Topic, tmp_path: Path) -> None:
    for end in (5, 20, 21, 47):
        topic.export(tmp_path / "many", end)
    topic.write(10)
    topic.export(tmp_path / "many")
    topic.export(tmp_path / "one")

    assert contents(tmp_path / "many") == contents(tmp_path / "one")


class Crash(BaseException):
    """The end of a process, as far as one can have it in a test's own."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Told a number, it lets the write of that number, counted from now, be the last one; 0: none."""
    replace, left = Path.replace, [0]

    def crashing(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise Crash
        return replace(self, target)

    def at(write: int) -> None:
        left[0] = write

    monkeypatch.setattr(Path, "replace", crashing)
    return at


def test_a_crash_at_any_write_leaves_the_same_files(
    topic: Topic, tmp_path: Path, crash_at: Callable[[int], None]
) -> None:
    topic.export(tmp_path / "whole")
    for at in range(1, 26, 2):
        folder = tmp_path / str(at)
        topic.export(folder, end=33)
        crash_at(at)
        with contextlib.suppress(Crash):
            topic.export(folder)
        crash_at(0)
        # What a killed run wrote must not be taken for what the manifest tells.
        topic.export(folder, end=34 if at % 4 == 1 else None)
        topic.export(folder)

        assert contents(folder) == contents(tmp_path / "whole"), at


def test_a_crash_at_any_write_of_the_first_run_leaves_the_same_files(
    topic: Topic, tmp_path: Path, crash_at: Callable[[int], None]
) -> None:
    topic.export(tmp_path / "whole")
    for at in range(1, 8):
        folder = tmp_path / str(at)
        crash_at(at)
        with pytest.raises(Crash):
            topic.export(folder)
        crash_at(0)
        topic.export(folder)

        assert contents(folder) == contents(tmp_path / "whole"), at


def test_kill_9_in_the_middle_leaves_the_same_files(topic: Topic, tmp_path: Path) -> None:
    topic.write(1000)
    topic.export(tmp_path / "whole")
    code = (
        "import sys; from pathlib import Path; from connectors.broker import Broker\n"
        "from consumers.export.export import Export, Stretch\n"
        f"Export(Broker(sys.argv[1]), {TOPIC!r}, Path(sys.argv[2]), 20).run([Stretch(0, 0, None, 1070), Stretch(1, 0, None, 1070)])"
    )
    folder = tmp_path / "killed"
    child = subprocess.Popen(
        [sys.executable, "-c", code, topic.broker.bootstrap_servers, str(folder)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and sum(1 for _ in folder.rglob("*.parquet")) < 10:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)

    assert child.wait() == -signal.SIGKILL
    assert 0 < len(contents(folder)) < len(contents(tmp_path / "whole"))

    topic.export(folder)

    assert contents(folder) == contents(tmp_path / "whole")


def test_one_line_reads_it_in_pandas_polars_duckdb_and_arrow(topic: Topic, tmp_path: Path) -> None:
    topic.export(tmp_path)
    by_pandas = pd.read_parquet(tmp_path)
    by_polars = pl.read_parquet(tmp_path / "**/*.parquet", hive_partitioning=True)
    by_duckdb = duckdb.sql(
        f"select instrument, day, seq from '{tmp_path}/**/*.parquet' where instrument = 'binance-spot:C'"
    )
    by_arrow = ds.dataset(tmp_path, partitioning="hive").to_table(filter=ds.field("symbol") == "C")

    assert by_duckdb is not None
    assert len(by_pandas) == len(by_polars) == 140
    assert set(by_pandas["instrument"]) == set(by_polars["instrument"]) == {f"binance-spot:{s}" for s in "ABC"}
    assert sorted(seq for _, _, seq in by_duckdb.fetchall()) == list(range(70))
    assert len(by_arrow) == 70
    assert by_pandas["mid_price"].sum() == pytest.approx(by_polars["mid_price"].sum())


def test_messages_that_are_no_records_are_told(topic: Topic, tmp_path: Path) -> None:
    topic._producer.produce(TOPIC, b"what?", b"k", 1)
    topic.write(1)
    topic.ends[1] += 1
    run = topic.export(tmp_path)

    assert run.manifest.partitions[1].not_records == 1
    assert run.manifest.partitions[1].records == 71


@pytest.fixture
def exported(topic: Topic, tmp_path: Path) -> tuple[Topic, Path]:
    topic.export(tmp_path, end=50)
    return topic, tmp_path


def test_a_hole_is_refused(exported: tuple[Topic, Path]) -> None:
    topic, folder = exported
    run = Export(topic.broker, TOPIC, folder, 20)

    with pytest.raises(
        ExportError, match=r"holds offsets 0 .. 49; expected a range that begins there or next, received 60"
    ):
        run.run([Stretch(0, 0, 60, 70)])


def test_records_that_are_gone_are_told(exported: tuple[Topic, Path]) -> None:
    topic, folder = exported
    run = Export(topic.broker, TOPIC, folder, 20)

    with pytest.raises(OffsetsLostError, match=r"expected offset 50 next, received: the topic begins at 60"):
        run.run([Stretch(0, 60, None, 70)])


def test_another_cut_another_topic_and_another_folder_are_refused(exported: tuple[Topic, Path], tmp_path: Path) -> None:
    topic, folder = exported
    with pytest.raises(ExportError, match="expected an export with file_offsets 30, received one with 20"):
        Export(topic.broker, TOPIC, folder, 30).run([])
    with pytest.raises(ExportError, match="expected an export with topic other, received one with"):
        Export(topic.broker, "other", folder, 20).run([])
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(ExportError, match="expected an empty folder or an export"):
        Export(topic.broker, TOPIC, tmp_path / "home", 20).run([])


def test_a_file_that_was_changed_is_refused(exported: tuple[Topic, Path]) -> None:
    topic, folder = exported
    path = min(folder.rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(ExportError, match="received another one"):
        topic.export(folder)
    path.unlink()
    with pytest.raises(ExportError, match="received none"):
        topic.export(folder)


def test_two_exports_do_not_share_a_folder(exported: tuple[Topic, Path]) -> None:
    topic, folder = exported

    with files.working_on(folder), pytest.raises(ExportError, match="no other export works on"):
        topic.export(folder)


def test_a_broken_manifest_is_told(exported: tuple[Topic, Path]) -> None:
    topic, folder = exported
    (folder / "_manifest.json").write_text("{}")

    with pytest.raises(ExportError, match="expected the manifest of an export"):
        topic.export(folder)
