"""The manifest of an export: which offsets it covers, and each of its files.

Owns ``_manifest.json``. Files are written before the manifest names them, so what it says is there, whatever a crash cut
off. It holds no time and no name of a machine: equal exports have equal manifests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from consumers.export.errors import ExportError
from consumers.export.files import FileInfo, part_of, write_whole
from orderbook.record import NAMES, SCHEMA

MANIFEST: Final = "_manifest.json"
"""Readers of data sets pass over names that begin with an underscore."""

_FORMAT: Final = 1


@dataclass
class Covered:
    """Offsets of one partition from ``begin`` to before ``end``: their records, and messages that were none."""

    begin: int
    end: int
    records: int = 0
    not_records: int = 0


@dataclass
class Manifest:
    """What a folder holds."""

    topic: str
    file_offsets: int
    partitions: dict[int, Covered] = field(default_factory=dict)
    files: dict[str, FileInfo] = field(default_factory=dict)

    def chunk(self, partition: int, chunk: int) -> list[FileInfo]:
        """The files of one chunk of a partition."""
        return [info for info in self.files.values() if (info.partition, info.chunk) == (partition, chunk)]

    def replace(self, partition: int, chunk: int, infos: Iterable[FileInfo]) -> None:
        """Set the files of a chunk."""
        for old in self.chunk(partition, chunk):
            del self.files[old.path]
        self.files |= {info.path: info for info in infos}

    @property
    def records(self) -> int:
        """Records in all files."""
        return sum(covered.records for covered in self.partitions.values())

    def save(self, folder: Path) -> None:
        """Write it, all or nothing."""
        document = {
            "format": _FORMAT,
            "schema": SCHEMA,
            "topic": self.topic,
            "file_offsets": self.file_offsets,
            "fields": list(NAMES),
            "partitions": [{"partition": number, **asdict(part)} for number, part in sorted(self.partitions.items())],
            "files": [asdict(info) for _, info in sorted(self.files.items())],
        }
        write_whole(
            folder / MANIFEST, lambda path: path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        )


def load(folder: Path, topic: str, file_offsets: int) -> Manifest:
    """The manifest of a folder; a new one when there is none.

    Raises:
        ExportError: the folder holds something else.
    """
    path = folder / MANIFEST
    try:
        document = orjson.loads(path.read_bytes())
        manifest = _parse(document)
    except FileNotFoundError:
        if folder.is_dir() and any(other != part_of(path) for other in folder.iterdir()):
            raise ExportError(
                f"{folder}: expected an empty folder or an export, received files without {MANIFEST}"
            ) from None
        return Manifest(topic, file_offsets)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: expected the manifest of an export, received: {error}") from None
    asked = {"schema": SCHEMA, "topic": topic, "file_offsets": file_offsets, "fields": list(NAMES)}
    for name, value in asked.items():
        if document[name] != value:
            raise ExportError(
                f"{path}: expected an export with {name} {_short(value)}, received one with {_short(document[name])};"
                " export into another folder"
            )
    return manifest


def _parse(document: Any) -> Manifest:
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']!r}, expected {_FORMAT}")
    partitions = {part.pop("partition"): Covered(**part) for part in map(dict, document["partitions"])}
    files = {info["path"]: FileInfo(**info) for info in document["files"]}
    return Manifest(document["topic"], document["file_offsets"], partitions, files)


def _short(value: object) -> str:
    return f"{len(value)} fields up to {value[-1]}" if isinstance(value, list) else str(value)
