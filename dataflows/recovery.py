"""Bytewax's recovery store, so that it can be trusted: made, checked, and purged before every start.

Owns what is known of its tables. **The purge**: after a crash between writing an epoch's snapshots and its frontier, the
snapshots stay although the epoch is run again. A second crash, before the same key is written anew, makes Bytewax load them
together with an older position of the source: input is applied twice. So snapshots of epochs that will be run again are
deleted first.
"""

from __future__ import annotations

import pickle
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from bytewax.recovery import init_db_dir

_STORE: Final = "part-*.sqlite3"
_ONLY_PART: Final = "part-0.sqlite3"

_PAGE_BYTES: Final = 16_384
"""A bucket's state is tens of kilobytes: with SQLite's own pages of 4 096 an epoch costs half as much again."""


def make_store(folder: Path) -> None:
    """An empty store, in the place of one that no job ever used.

    Raises:
        sqlite3.OperationalError: it can't be written.
    """
    for path in folder.glob(f"{_STORE}*"):
        path.unlink()
    with closing(sqlite3.connect(folder / _ONLY_PART)) as store:
        store.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        store.execute("VACUUM")  # writes it down
    try:
        init_db_dir(folder, 1)  # type: ignore[no-untyped-call]  # Bytewax's stub has no types here
    except BaseException as error:
        # A failure inside Bytewax's store is a panic of Rust: no Exception, and its text is all there is.
        said = re.search(r'SqliteFailure.*Some\("(.*)"\)', str(error))
        if said is None:
            raise
        raise sqlite3.OperationalError(said[1]) from None


def has_store(folder: Path) -> bool:
    """Whether there is one, used or not."""
    return bool(list(folder.glob(_STORE)))


def executions(folder: Path) -> int:
    """How often a job was started on the store; 0 where there is none.

    Raises:
        sqlite3.Error: it can't be read.
    """
    count = 0
    for path in folder.glob(_STORE):
        with closing(sqlite3.connect(path)) as store:
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
            count += store.execute("SELECT count(*) FROM exs").fetchone()[0] if "exs" in tables else 0
    return count


def check(folder: Path) -> None:
    """Read the store through: a damaged page is found now, not when its row is needed.

    Raises:
        sqlite3.DatabaseError: it is damaged, or no store.
    """
    with _opened(folder) as stores:
        for store in stores:
            (answer,) = store.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise sqlite3.DatabaseError(answer)


def purge(folder: Path) -> int:
    """Delete the snapshots of epochs that will be run again; how many there were.

    Nobody may have the store open.

    Raises:
        sqlite3.Error: it can't be read or written.
    """
    with _opened(folder) as stores:
        epoch = resume_epoch(stores)
        return sum(s.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (epoch,)).rowcount for s in stores)


def newest_state(folder: Path, step: str, key: str) -> Any:
    """What a step's part remembers of the last recovery point (of a purged store); None when there is none."""
    with _opened(folder) as stores:
        query = "SELECT snap_epoch, ser_change FROM snaps WHERE step_id = ? AND state_key = ?"
        found = [row for store in stores for row in store.execute(query, (step, key))]
    if not found or (change := max(found)[1]) is None:
        return None
    return pickle.loads(change)  # noqa: S301 (Bytewax's own way to write it, into the user's own folder)


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


@contextmanager
def _opened(folder: Path) -> Iterator[list[sqlite3.Connection]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            for path in sorted(folder.glob(_STORE))
        ]
