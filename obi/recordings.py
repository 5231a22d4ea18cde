"""Recordings as commands take them: which files, of which venue, and how far a reader is.

Owns the fall-back of a file whose name tells no venue, what a speed is, and the position that progress bars show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Any, TypeAlias

import typer

from connectors.recordings import RecordingError, RecordingReader

Files: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Recordings, gzip or plain.", show_default=False)
]
Venue: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="V",
        show_default=False,
        help="Of all files. (default: told by the name, spot_ usdm_ coinm_, else --default-venue)",
    ),
]


def read_speed(text: str) -> float | None:
    """What --speed means: seconds of the recording a second, None for as fast as possible.

    Raises:
        typer.BadParameter: It is neither a number above 0 nor max.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < 1e9:
        raise typer.BadParameter(f"expected a number above 0 or max, received {text!r}", param_hint="--speed")
    return speed


class TrackedReader(RecordingReader):
    """A reader that knows how many bytes of its file it has read."""

    _raw: Any = None

    def open(self) -> IO[bytes]:
        """The lines, as the reader takes them."""
        file: Any = super().open()
        self._raw = getattr(file, "fileobj", file)
        opened: IO[bytes] = file
        return opened

    @property
    def size(self) -> int:
        """Bytes of the file; 0 of a pipe."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def position(self) -> int:
        """Bytes of it that were read."""
        if self._raw is None or self._raw.closed:
            return 0 if self._raw is None else self.size
        return int(self._raw.tell()) if self._raw.seekable() else 0


def open_recordings(
    files: Sequence[Path], *, venue: str | None, symbol: str | None, default_venue: str
) -> list[TrackedReader]:
    """Readers of all files.

    The venue is ``venue``, else what the file's name tells (spot_, usdm_, coinm_), else ``default_venue``.

    Raises:
        RecordingError: for all files that can't be read, in one message.
    """
    readers, problems = [], []
    for path in files:
        try:
            readers.append(_open(path, venue, symbol, default_venue))
        except RecordingError as error:  # noqa: PERF203  (all problems at once)
            problems.append(str(error))
    if problems:
        raise RecordingError("\n  ".join(problems))
    return readers


def _open(path: Path, venue: str | None, symbol: str | None, default_venue: str) -> TrackedReader:
    try:
        return TrackedReader(path, venue, symbol)
    except RecordingError:
        if venue is not None:
            raise
        return TrackedReader(path, default_venue, symbol)
