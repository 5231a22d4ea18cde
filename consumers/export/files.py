"""The files of an export: their names, how one comes to be whole or not at all, and how one is told from another.

Owns the folder: one export at a time works on it, and what a killed one left half done is taken away.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.export.errors import ExportError

_PART: Final = ".part"
_ROW_GROUP: Final = 100_000


@dataclass(frozen=True)
class FileInfo:
    """One file: its path in the folder, whose records it holds, and its content."""

    path: str
    partition: int
    chunk: int
    rows: int
    first_offset: int
    last_offset: int
    bytes: int
    sha256: str


def file_path(day: str, instrument: str, partition: int, begin: int) -> str:
    """``day=2024-08-08/instrument=binance-usdm%3ABTCUSDT/00000-00000000000000200000.parquet``.

    A colon is no part of a file's name everywhere; readers of such folders take ``%3A`` back.
    """
    return f"day={day}/instrument={quote(instrument, safe='')}/{partition:05d}-{begin:020d}.parquet"


def write_table(folder: Path, path: str, table: pa.Table, partition: int, chunk: int) -> FileInfo:
    """Write one file, all or nothing. Equal rows give equal bytes, however the table is cut in memory."""
    whole = table.combine_chunks()
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, lambda part: pq.write_table(whole, part, compression="zstd", row_group_size=_ROW_GROUP))
    offsets = whole["kafka_offset"]
    size, digest = content(target)
    return FileInfo(path, partition, chunk, len(whole), offsets[0].as_py(), offsets[-1].as_py(), size, digest)


def read_table(folder: Path, path: str, columns: pa.Schema) -> pa.Table:
    """The rows of one file, without the columns that its folders tell."""
    return pq.ParquetFile(folder / path).read().cast(columns)


def content(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file."""
    data = path.read_bytes()
    return len(data), hashlib.sha256(data).hexdigest()


def part_of(target: Path) -> Path:
    """Where a file is written before it gets its name."""
    return target.with_name(f".{target.name}{_PART}")


def write_whole(target: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` fill a file beside ``target``, then give it that name; a crash leaves the old file or the new one."""
    part = part_of(target)
    write(part)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)


def remove_strays(folder: Path, known: set[str]) -> None:
    """Take away what a killed export left: half files, and files that its manifest does not name yet."""
    for path in [*folder.rglob(f".*{_PART}"), *folder.glob("day=*/instrument=*/*.parquet")]:
        if path.relative_to(folder).as_posix() not in known:
            path.unlink()
    for empty in sorted((path for path in folder.glob("day=*/**") if path.is_dir()), reverse=True):
        if not any(empty.iterdir()):
            empty.rmdir()


@contextmanager
def working_on(folder: Path) -> Iterator[None]:
    """Hold the folder while inside.

    Raises:
        ExportError: another export holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ExportError(
            f"{folder}: expected a folder that no other export works on, received one that is in use"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
