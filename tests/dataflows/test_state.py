"""The state directory: locked, checked, purged, and never begun anew in silence."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.broker import BrokerError
from dataflows import state
from dataflows.beginning import Beginning
from dataflows.settings import SettingsError
from dataflows.shards import Shard
from dataflows.shelf import InstrumentState
from dataflows.state import StateError, open_state

MINE = {"raw_topic": "depth.raw"}
WHOLE = Shard()
SEED = (InstrumentState("binance-spot:BTCUSDT", 0, b"\0line\nbreak"), InstrumentState("x:y", 1, b""))


class Asked:
    """Answers how partitions begin, and remembers what it was asked."""

    def __init__(self, seed: tuple[InstrumentState, ...] = (), at: int = 0) -> None:
        self.seed = seed
        self.at = at
        self.asked: list[tuple[list[int], bool]] = []

    def __call__(self, partitions: Sequence[int], added: bool) -> Beginning:
        self.asked.append((list(partitions), added))
        offsets = dict.fromkeys(partitions, self.at)
        return Beginning(dict.fromkeys(partitions, 1), offsets, {"metrics": offsets}, self.seed)


def opened(
    root: Path,
    shard: Shard = WHOLE,
    mine: Mapping[str, object] = MINE,
    partitions: Sequence[int] = (0, 1),
    begin: Asked | None = None,
) -> Any:
    return open_state(root, shard, mine, partitions, begin or Asked())


def used(folder: Path) -> None:
    """As if a job had run on it."""
    store = sqlite3.connect(folder / "part-0.sqlite3")
    store.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 1)")
    store.commit()
    store.close()


def test_a_first_start_makes_the_folder_and_a_second_one_finds_it(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "state"
    first, second = Asked(SEED, at=5), Asked(at=99)
    with opened(root, begin=first) as made:
        assert made.new
        assert made.folder == root / "shard-0-of-1"
        meta = json.loads((made.folder / "meta.json").read_text())
        assert {name: meta[name] for name in ("state_version", "shard", "raw_topic")} == {
            "state_version": 3,
            "shard": "0/1",
            **MINE,
        }
    with opened(root, begin=second) as found:
        assert not found.new
        assert found.beginning == made.beginning
        assert found.beginning.input == {0: 5, 1: 5}
        assert found.beginning.seed == SEED
    assert (first.asked, second.asked) == ([([0, 1], False)], [])


def test_partitions_that_were_added_begin_and_the_old_ones_stay(tmp_path: Path) -> None:
    with opened(tmp_path, begin=Asked(SEED, at=5)):
        pass
    for begin in (more := Asked(at=0), again := Asked(at=7)):
        with opened(tmp_path, partitions=(0, 1, 2), begin=begin) as grown:
            assert grown.beginning.input == {0: 5, 1: 5, 2: 0}
            assert grown.beginning.output == {"metrics": {0: 5, 1: 5, 2: 0}}
            assert grown.beginning.seed == SEED
    assert (more.asked, again.asked) == ([([2], True)], [])


def test_partitions_that_are_gone_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with pytest.raises(
        SettingsError, match=r"(?s)expected partitions \[1\] in the raw topic as before.*--resume-from-output"
    ):
        opened(tmp_path, partitions=(0,)).__enter__()


def test_a_first_start_that_did_not_get_far_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "shard-0-of-1"
    folder.mkdir()
    (folder / "part-0.sqlite3").touch()
    with opened(tmp_path) as made:
        assert made.new


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StateError, match=f"process {os.getpid()} runs on it.*--state-dir"):
        opened(tmp_path).__enter__()
    with opened(tmp_path):
        pass


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    code = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write('1'); os._exit(9)"
    with opened(tmp_path) as made:
        pass
    subprocess.run([sys.executable, "-c", code, str(made.folder / "lock")], check=False)
    with opened(tmp_path):
        assert (made.folder / "lock").read_text() == str(os.getpid())
        with (made.folder / "lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_state_of_another_topic_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with pytest.raises(SettingsError, match=r"raw_topic is 'other' now and was 'depth\.raw'; choose another folder"):
        opened(tmp_path, mine={"raw_topic": "other"}).__enter__()


@pytest.mark.parametrize("version", ["state_version", "measurer_version"])
def test_state_of_another_version_is_refused_with_the_commands_that_rebuild_it(tmp_path: Path, version: str) -> None:
    with opened(tmp_path) as made:
        pass
    meta = json.loads((made.folder / "meta.json").read_text())
    (made.folder / "meta.json").write_text(json.dumps({**meta, version: 0}))
    with pytest.raises(SettingsError, match=f"received another: {version} is {meta[version]} now and was 0") as caught:
        opened(tmp_path).__enter__()
    assert f"mv {made.folder} {made.folder}.old" in str(caught.value)
    assert f"obi run --shard 0/1 --state-dir {tmp_path} --resume-from-output" in str(caught.value)


def test_another_number_of_shards_begins_nothing_beside_the_old_ones(tmp_path: Path) -> None:
    with opened(tmp_path, Shard(0, 2), partitions=(0,)):
        pass
    with pytest.raises(SettingsError, match="received that of another layout: shard-0-of-2") as caught:
        opened(tmp_path, Shard(1, 4)).__enter__()
    assert f"mv {tmp_path}/shard-0-of-2 {tmp_path}/old-shard-0-of-2" in str(caught.value)
    assert f"obi run --shard 1/4 --state-dir {tmp_path} --resume-from-output" in str(caught.value)
    with opened(tmp_path, Shard(1, 2), partitions=(1,)) as sibling:
        assert sibling.folder.name == "shard-1-of-2"
    for old in tmp_path.glob("shard-*"):
        old.rename(old.with_name(f"old-{old.name}"))
    with opened(tmp_path, Shard(1, 4)) as made:
        assert made.new


def test_state_without_its_description_is_kept_and_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as made:
        pass
    used(made.folder)
    (made.folder / "meta.json").unlink()
    with pytest.raises(SettingsError, match=r"(?s)expected meta\.json.*nothing is lost"):
        opened(tmp_path).__enter__()
    assert (made.folder / "part-0.sqlite3").exists()


@pytest.mark.parametrize("text", ["{", '"x"'])
def test_a_description_that_is_damaged_is_refused(tmp_path: Path, text: str) -> None:
    with opened(tmp_path) as made:
        pass
    (made.folder / "meta.json").write_text(text)
    with pytest.raises(SettingsError, match=r"(?s)received.*--resume-from-output"):
        opened(tmp_path).__enter__()


def test_a_store_that_is_gone_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as made:
        pass
    (made.folder / "part-0.sqlite3").unlink()
    with pytest.raises(SettingsError, match=r"(?s)expected a recovery store.*--resume-from-output") as caught:
        opened(tmp_path).__enter__()
    assert f"mv {made.folder} {made.folder}.old" in str(caught.value)


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_damaged_store_is_refused_before_anything_runs(tmp_path: Path, from_the_start: bool) -> None:
    with opened(tmp_path) as made:
        pass
    path = made.folder / "part-0.sqlite3"
    store = sqlite3.connect(path)
    store.executemany(
        "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('s', ?, 1, ?)",
        [(f"k{i}", b"x" * 3000) for i in range(50)],
    )
    store.commit()
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    bytes_ = bytearray(path.read_bytes())
    begin = 0 if from_the_start else len(bytes_) // 2
    bytes_[begin : begin + 8192] = b"\xff" * 8192
    path.write_bytes(bytes_)
    with pytest.raises(SettingsError, match=r"(?s)expected a sound recovery store.*--resume-from-output"):
        opened(tmp_path).__enter__()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="expected a folder that can be written"):
        opened(tmp_path / "file").__enter__()


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "_prepare", full)
    with pytest.raises(StateError, match=r"expected room.*No space left"):
        opened(tmp_path).__enter__()
    assert issubclass(StateError, BrokerError)
