"""The state directory: locked, checked, purged; and the corruption that the purge is there for."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from connectors.broker import BrokerError
from dataflows import recovery
from dataflows.recovery import StateError, open_state, purge
from dataflows.settings import SettingsError

MINE = {"raw_topic": "depth.raw", "partitions": 4}

CRASHER = '''
"""Counts keys; dies when the sink is asked for its n-th snapshot, after the counts of that epoch were stored."""
import os, sys
from datetime import timedelta
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import run_main

DATA = [("a", 1), ("b", 1), ("a", 1), ("c", 1), ("a", 1), ("a", 1), ("a", 1), ("a", 1)]
folder, size, crash = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

class In(StatefulSourcePartition):
    def __init__(self, at): self.at = at or 0
    def next_batch(self):
        if self.at >= len(DATA): raise StopIteration
        batch = DATA[self.at : self.at + size]
        self.at += size
        return batch
    def snapshot(self): return self.at

class Source(FixedPartitionedSource):
    def list_parts(self): return ["p"]
    def build_part(self, step, part, at): return In(at)

class Out(StatefulSinkPartition):
    asked = 0
    def write_batch(self, items): pass
    def snapshot(self):
        Out.asked += 1
        if Out.asked == crash: os._exit(9)

class Sink(FixedPartitionedSink):
    def list_parts(self): return ["0"]
    def build_part(self, *_): return Out()

final = {}
def count(seen, n):
    total = (seen or 0) + n
    return total, total
def note(pair):
    final[pair[0]] = pair[1]
    return pair
flow = Dataflow("f")
stream = op.map("note", op.stateful_map("count", op.input("in", flow, Source()), count), note)
for i in range(30):  # the more steps, the surer the snapshots are stored before the sink is asked
    stream = op.map(f"m{i}", stream, lambda x: x)
op.output("out", stream, Sink())
run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(folder))
print(final)
'''


def crash(folder: Path, size: int, at: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CRASHER, str(folder), str(size), str(at)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@pytest.mark.parametrize("purged", [False, True])
def test_two_crashes_apply_input_twice_unless_the_store_is_purged(tmp_path: Path, purged: bool) -> None:
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]
    deleted = 0
    final = ""
    for size, at in ((4, 1), (1, 2), (1, -1)):
        deleted += purge(tmp_path) if purged else 0
        final = crash(tmp_path, size, at)
    if purged:
        assert deleted > 0
        assert "'c': 1" in final
    else:
        assert "'c': 2" in final, "Bytewax no longer has the fault that the purge is there for"


def test_a_purge_of_a_sound_store_changes_nothing(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]
    crash(tmp_path, 2, -1)
    rows = dump(tmp_path)
    assert purge(tmp_path) == 0
    assert dump(tmp_path) == rows


def dump(folder: Path) -> list[tuple[str, str, int, object]]:
    store = sqlite3.connect(folder / "part-0.sqlite3")
    found = store.execute("SELECT step_id, state_key, snap_epoch, ser_change FROM snaps ORDER BY 1, 2, 3").fetchall()
    store.close()
    return [(step, key, epoch, pickle.loads(state) if state else None) for step, key, epoch, state in found]


def test_a_first_start_makes_the_folder_and_a_second_one_finds_it(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "state"
    with open_state(root, MINE) as (folder, _):
        assert folder == root / "shard-0-of-1"
        meta = json.loads((folder / "meta.json").read_text())
        assert meta == {"state_version": 1, "shard": "0/1", **MINE, "output_began": {}}
    crash(folder, 2, -1)
    with open_state(root, MINE) as (again, _):
        assert dump(again) != []


def test_where_the_output_began_is_asked_once_and_remembered(tmp_path: Path) -> None:
    with open_state(tmp_path, MINE, lambda: {"metrics": {0: 5, 1: 0}}) as first:
        pass
    with open_state(tmp_path, MINE, lambda: {"metrics": {0: 99, 1: 99}}) as second:
        pass

    assert first.begins == second.begins == {"metrics": {0: 5, 1: 0}}


def test_a_first_start_that_did_not_get_far_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "shard-0-of-1"
    folder.mkdir()
    (folder / "part-0.sqlite3").touch()
    with open_state(tmp_path, MINE):
        assert purge(folder) == 0


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with open_state(tmp_path, MINE), pytest.raises(StateError, match=f"process {os.getpid()} runs on it.*--state-dir"):
        open_state(tmp_path, MINE).__enter__()
    with open_state(tmp_path, MINE):
        pass


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    code = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write('1'); os._exit(9)"
    with open_state(tmp_path, MINE) as (folder, _):
        pass
    subprocess.run([sys.executable, "-c", code, str(folder / "lock")], check=False)
    with open_state(tmp_path, MINE):
        assert (folder / "lock").read_text() == str(os.getpid())
        with (folder / "lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_state_of_another_job_is_refused(tmp_path: Path) -> None:
    with open_state(tmp_path, MINE):
        pass
    with pytest.raises(SettingsError, match="partitions is 8 now and was 4; choose another folder"):
        open_state(tmp_path, {**MINE, "partitions": 8}).__enter__()
    with open_state(tmp_path, {**MINE, "partitions": 8}, shard=1, shards=2) as (folder, _):
        assert folder.name == "shard-1-of-2"


def test_state_without_its_description_is_kept_and_refused(tmp_path: Path) -> None:
    with open_state(tmp_path, MINE) as (folder, _):
        pass
    crash(folder, 2, -1)
    (folder / "meta.json").unlink()
    with pytest.raises(SettingsError, match=r"expected meta\.json"):
        open_state(tmp_path, MINE).__enter__()
    assert dump(folder) != []


@pytest.mark.parametrize("text", ["{", '"x"'])
def test_a_description_that_is_damaged_is_refused(tmp_path: Path, text: str) -> None:
    with open_state(tmp_path, MINE) as (folder, _):
        pass
    (folder / "meta.json").write_text(text)
    with pytest.raises(SettingsError):
        open_state(tmp_path, MINE).__enter__()


def test_a_store_that_is_gone_or_damaged_is_refused(tmp_path: Path) -> None:
    with open_state(tmp_path, MINE) as (folder, _):
        pass
    (folder / "part-0.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match="file is not a database"):
        open_state(tmp_path, MINE).__enter__()
    (folder / "part-0.sqlite3").unlink()
    with pytest.raises(SettingsError, match="expected a recovery store"):
        open_state(tmp_path, MINE).__enter__()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="expected a folder that can be written"):
        open_state(tmp_path / "file", MINE).__enter__()


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recovery, "_prepare", full)
    with pytest.raises(StateError, match=r"expected room.*No space left"):
        open_state(tmp_path, MINE).__enter__()
    assert issubclass(StateError, BrokerError)
