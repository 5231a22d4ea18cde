"""The state directory: one folder a shard, locked while a job lives on it, purged before every start.

Owns what is done around Bytewax's recovery store so that it can be trusted:

- **the lock**: two jobs on one store would both write it, and nothing in Bytewax prevents that;
- **the purge**: after a crash between writing an epoch's snapshots and its frontier, the snapshots stay although the epoch
  is run again. A second crash, before the same key is written anew, makes Bytewax load them together with an older
  position of the source: input is applied twice. So snapshots of epochs that will be run again are deleted first;
- **meta.json**: which topics, partitions and shard the state belongs to (state of something else is refused), and where the
  output of this state began.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

from bytewax.recovery import init_db_dir

from connectors.broker import BrokerError
from dataflows.settings import SettingsError

STATE_VERSION: Final = 1
"""Of the folder's layout and of what the steps keep; another one can't be read."""

_LOCK: Final = "lock"
_META: Final = "meta.json"
_BEGINS: Final = "output_began"
_STORE: Final = "part-*.sqlite3"


class StateError(BrokerError):
    """The state directory failed us, as a broker may: exit code 3."""


Begins: TypeAlias = Mapping[str, Mapping[int, int]]
"""Offsets by output topic and partition."""


class State(NamedTuple):
    """A state directory that is ready: the shard's folder, and where the output of this state began."""

    folder: Path
    begins: Begins


@contextmanager
def open_state(
    root: Path,
    belongs_to: Mapping[str, object],
    ends: Callable[[], Begins] = dict,
    *,
    shard: int = 0,
    shards: int = 1,
) -> Iterator[State]:
    """The folder of a shard, ready for a start: made if it is missing, locked until the end, checked and purged.

    Args:
        root: the state directory.
        belongs_to: what the state is of, as plain JSON values; must be the same at every start.
        ends: where the output ends now; asked once in the life of a state, which remembers it.
        shard: which one, from 0.
        shards: how many there are.

    Raises:
        SettingsError: the folder can't be used, or its state belongs to something else.
        StateError: another process runs on it, the disk is full, or the store can't be read.
    """
    folder = root / f"shard-{shard}-of-{shards}"
    meta = {"state_version": STATE_VERSION, "shard": f"{shard}/{shards}", **belongs_to}
    with _explained(root):
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
    with lock:
        with _explained(root):
            begins = _prepare(folder, meta, ends)
            purge(folder)
        yield State(folder, begins)


def purge(folder: Path) -> int:
    """Delete the snapshots of epochs that will be run again; how many there were.

    Nobody may have the store open.

    Raises:
        sqlite3.Error: it can't be read or written.
    """
    stores = [sqlite3.connect(path, isolation_level=None) for path in sorted(folder.glob(_STORE))]
    try:
        epoch = resume_epoch(stores)
        return sum(s.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (epoch,)).rowcount for s in stores)
    finally:
        for store in stores:
            store.close()


def resume_epoch(stores: list[sqlite3.Connection]) -> int:
    """The epoch that Bytewax will start with, by its own rule: of the last execution, where its slowest worker was."""
    executions: dict[int, tuple[int, int]] = {}
    frontiers: dict[tuple[int, int], int] = {}
    for store in stores:
        for number, workers, start in store.execute("SELECT ex_num, worker_count, resume_epoch FROM exs"):
            executions[number] = (workers, start)
        for number, worker, epoch in store.execute("SELECT ex_num, worker_index, worker_frontier FROM fronts"):
            frontiers[number, worker] = max(epoch, frontiers.get((number, worker), 0))
    if not executions:
        return 1
    last = max(executions)
    workers, start = executions[last]
    return min(max(start, frontiers.get((last, worker), start)) for worker in range(workers))


def _locked(folder: Path) -> IO[str]:
    """The lock file, held until it is closed (the kernel does that for a process that dies)."""
    file = (folder / _LOCK).open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StateError(
            f"expected {folder} to be free, received: process {holder} runs on it; stop that one, or choose another folder "
            "with --state-dir"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _prepare(folder: Path, meta: Mapping[str, object], ends: Callable[[], Begins]) -> Begins:
    """Make the store if there is none, else check that it is ours; where its output began."""
    found = _read_meta(folder / _META)
    begins: Any = {} if found is None else found.pop(_BEGINS, {})
    if found is None:
        if _executions(folder):
            raise _wrong(
                f"expected {_META} beside the recovery store in {folder}, it is missing; "
                "restore it, or move the folder away to start anew"
            )
        # What is there is a first start that did not get far.
        for path in folder.glob(f"{_STORE}*"):
            path.unlink()
        init_db_dir(folder, 1)  # type: ignore[no-untyped-call]  # Bytewax's stub has no types here
        begins = ends()
        _write_meta(folder / _META, {**meta, _BEGINS: begins})
    elif found != meta:
        differences = [
            f"{name} is {meta.get(name)!r} now and was {found.get(name)!r}"
            for name in {**meta, **found}
            if meta.get(name) != found.get(name)
        ]
        raise _wrong(
            f"expected the state of this job in {folder}, received that of another: {', '.join(differences)}; "
            "choose another folder with --state-dir, or move this one away to start anew"
        )
    elif not list(folder.glob(_STORE)):
        raise _wrong(f"expected a recovery store in {folder}, it is missing; restore it, or move the folder away")
    return {topic: {int(part): offset for part, offset in parts.items()} for topic, parts in begins.items()}


def _executions(folder: Path) -> int:
    """How often a job was started on the store."""
    count = 0
    for path in folder.glob(_STORE):
        with closing(sqlite3.connect(path)) as store:
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
            count += store.execute("SELECT count(*) FROM exs").fetchone()[0] if "exs" in tables else 0
    return count


def _read_meta(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _wrong(f"expected JSON in {path}, received: {error}") from None
    return found if isinstance(found, dict) else {"state_version": found}


def _write_meta(path: Path, meta: Mapping[str, object]) -> None:
    """All of it or nothing."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(meta, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """What the system and SQLite say, as what it means here."""
    try:
        yield
    except sqlite3.Error as error:
        raise StateError(
            f"expected a recovery store that can be read and written in {root}, received: {error}; "
            "make room, restore a backup, or move the folder away to start anew"
        ) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            raise StateError(f"expected room for recovery state in {root}, received: {error.strerror}") from error
        raise _wrong(
            f"expected a folder that can be written, received {error.filename or root}: {error.strerror}"
        ) from error


def _wrong(what: str) -> SettingsError:
    return SettingsError([f"state_dir: {what}"])
