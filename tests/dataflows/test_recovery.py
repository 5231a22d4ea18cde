"""The recovery store: read through, purged; and the corruption that the purge is there for."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from dataflows.recovery import executions, make_store, purge

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


def test_a_store_is_made_anew_with_pages_for_buckets(tmp_path: Path) -> None:
    (tmp_path / "part-0.sqlite3").write_bytes(b"cut off")
    make_store(tmp_path)

    [path] = tmp_path.glob("part-*.sqlite3")
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA page_size").fetchone() == (16_384,)
        assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert executions(tmp_path) == 0
    crash(tmp_path, 2, -1)
    assert executions(tmp_path) == 1
