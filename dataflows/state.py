"""The state directory: one folder a shard, locked while a job lives on it, and refused when it is of something else.

Owns what is in a shard's folder:

- **lock**: two jobs on one store would both write it, and nothing in Bytewax prevents that;
- **meta.json**: what the state is of (version, shard, topics), and where it began;
- **seed**: the instruments' states that it began with, when it was rebuilt from the topics;
- Bytewax's recovery store (``dataflows.recovery``).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, NoReturn, TypeAlias

from connectors.broker import BrokerError
from dataflows import recovery
from dataflows.beginning import Beginning, read_seed, write_seed
from dataflows.settings import SettingsError
from dataflows.shards import Shard
from orderbook.codec import STATE_TAG

STATE_VERSION: Final = 3
"""Of the folder's layout and of what the steps keep; another one can't be read."""

_LOCK: Final = "lock"
_META: Final = "meta.json"
_SEED: Final = "seed"
_BEGAN: Final = "began"
_FULL: Final = ("disk is full", "disk I/O error", "unable to open", "readonly")


class StateError(BrokerError):
    """The state directory failed us, as a broker may: exit code 3."""


class State(NamedTuple):
    """A state directory that is ready: the shard's folder, how the state began, and whether that was just now."""

    folder: Path
    beginning: Beginning
    new: bool


Begin: TypeAlias = Callable[[Sequence[int], bool], Beginning]
"""How partitions begin that the state does not know: all of them for a new state (False), else those that were added (True)."""


@contextmanager
def open_state(
    root: Path, shard: Shard, belongs_to: Mapping[str, object], partitions: Sequence[int], begin: Begin
) -> Iterator[State]:
    """The folder of a shard, ready for a start: made if it is missing, locked until the end, checked and purged.

    Args:
        root: the state directory.
        shard: which one.
        belongs_to: what the state is of, as plain JSON values; must be the same at every start.
        partitions: of the shard, as they are now.
        begin: asked once for each partition in the life of a state, which remembers the answer.

    Raises:
        SettingsError: the folder can't be used, or its state belongs to something else or is damaged; with the way on.
        StateError: another process runs on it, or the disk is full.
    """
    folder = root / shard.folder
    meta = {"state_version": STATE_VERSION, "measurer_version": STATE_TAG[-1], "shard": str(shard), **belongs_to}
    with _explained(root, folder, shard):
        _refuse_other_layouts(root, shard)
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
    with lock:
        with _explained(root, folder, shard):
            state = _prepare(folder, shard, meta, partitions, begin)
            recovery.check(folder)
            recovery.purge(folder)
        yield state


def way_on(folder: Path, shard: Shard) -> str:
    """The commands that rebuild a state which can't be used."""
    return (
        "nothing is lost, the topics have it all; rebuild it from them with\n"
        f"    mv {folder} {folder}.old\n"
        f"    obi run --shard {shard} --state-dir {folder.parent} --resume-from-output"
    )


def _refuse_other_layouts(root: Path, shard: Shard) -> None:
    """Shards of another number have other partitions: nothing of theirs may be begun anew beside them."""
    if (root / shard.folder / _META).exists():
        return
    others = sorted(path.parent for path in root.glob(f"shard-*-of-*/{_META}"))
    others = [folder for folder in others if not folder.name.endswith(f"-of-{shard.count}")]
    if others:
        found = ", ".join(folder.name for folder in others)
        moves = "\n".join(f"    mv {folder} {folder.with_name('old-' + folder.name)}" for folder in others)
        raise _wrong(
            f"expected state of {shard.count} shards in {root}, received that of another layout: {found}; go on with the old "
            "number of shards, or stop all of them and rebuild the state for the new number from the topics:\n"
            f"{moves}\n    obi run --shard {shard} --state-dir {root} --resume-from-output"
        )


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


def _prepare(folder: Path, shard: Shard, meta: Mapping[str, object], partitions: Sequence[int], begin: Begin) -> State:
    """Make the store if there is none, else check that it is ours; how the state began."""
    found = _read_meta(folder, shard)
    if found is None:
        if recovery.executions(folder):
            raise _wrong(
                f"expected {_META} beside the recovery store in {folder}, it is missing; {way_on(folder, shard)}"
            )
        beginning = begin(partitions, False)
        recovery.make_store(folder)
        write_seed(folder / _SEED, beginning.seed)
        _write_meta(folder / _META, {**meta, _BEGAN: beginning.told()})
        return State(folder, beginning, new=True)
    began: Any = found.pop(_BEGAN, None)
    if found != meta or not isinstance(began, dict):
        _refuse(folder, shard, meta, found)
    if not recovery.has_store(folder):
        raise _wrong(f"expected a recovery store in {folder}, it is missing; {way_on(folder, shard)}")
    beginning = Beginning.of(began, read_seed(folder / _SEED))
    if gone := sorted(beginning.input.keys() - set(partitions)):
        raise _wrong(
            f"expected partitions {gone} in the raw topic as before, they are not there: it was made anew; {way_on(folder, shard)}"
        )
    if added := [partition for partition in partitions if partition not in beginning.input]:
        beginning = beginning.with_more(begin(added, True))
        _write_meta(folder / _META, {**meta, _BEGAN: beginning.told()})
    return State(folder, beginning, new=False)


def _refuse(folder: Path, shard: Shard, meta: Mapping[str, object], found: Mapping[str, object]) -> NoReturn:
    differences = [
        f"{name} is {meta.get(name)!r} now and was {found.get(name)!r}"
        for name in {**meta, **found}
        if meta.get(name) != found.get(name)
    ]
    same_version = all(found.get(name) == meta[name] for name in ("state_version", "measurer_version"))
    if same_version and any(
        meta.get(name) != found.get(name) for name in ("raw_topic", "metrics_topic", "faults_topic")
    ):
        raise _wrong(
            f"expected the state of this job in {folder}, received that of another: {', '.join(differences)}; "
            "choose another folder with --state-dir, or name the topics as before"
        )
    raise _wrong(
        f"expected state of this version in {folder}, received another: {', '.join(differences) or 'no beginning'}; "
        f"{way_on(folder, shard)}"
    )


def _read_meta(folder: Path, shard: Shard) -> dict[str, Any] | None:
    path = folder / _META
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _wrong(f"expected JSON in {path}, received: {error}; {way_on(folder, shard)}") from None
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
def _explained(root: Path, folder: Path, shard: Shard) -> Iterator[None]:
    """What the system and SQLite say, as what it means here."""
    try:
        yield
    except sqlite3.Error as error:
        if any(sign in str(error) for sign in _FULL):
            raise StateError(
                f"expected to read and write the recovery store in {folder}, received: {error}; make room and start again"
            ) from error
        raise _wrong(
            f"expected a sound recovery store in {folder}, received: {error}; {way_on(folder, shard)}"
        ) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}:
            raise StateError(
                f"expected room for recovery state in {root}, received: {error.strerror}; make room and start again"
            ) from error
        raise _wrong(
            f"expected a folder that can be written, received {error.filename or root}: {error.strerror}"
        ) from error


def _wrong(what: str) -> SettingsError:
    return SettingsError([f"state_dir: {what}"])
