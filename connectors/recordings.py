"""Recordings: files of received messages, one line each, ``<receive time> <raw JSON>``, plain or gzip.

Owns the line format, and how a line becomes a raw message: topic = the file's name, partition 0, offset = line number
from 0, key = ``venue:SYMBOL``. A bad line is a bad message, never an exception: decoding turns it into a fault.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from pathlib import Path
from typing import IO, Final, cast

import orjson

from connectors.names import is_venue
from connectors.raw import Headers, RawBatch

_VENUES: Final = {"spot": "binance-spot", "usdm": "binance-usdm", "coinm": "binance-coinm"}
"""First word of a file's name to venue."""

_TO_NS: Final = {13: 1_000_000, 16: 1_000, 19: 1}
"""Digits of a receive time to ns of its unit: ms, us, ns (true from 2001 to 2286)."""

_STREAM: Final = re.compile(rb'\s*\{\s*"stream"\s*:\s*"([^"\\@]+)@')
"""The symbol of an envelope, without parsing the rest: a line can be 35 kB."""

_LONGEST_HEAD: Final = 64
_MOST_HEADS: Final = 8192
"""Beginnings of envelopes, up to the @, whose keys are remembered: bytes of one, and how many."""

_CHUNK: Final = 65_536

_NAMED_SYMBOL: Final = re.compile(r"(?:spot|usdm|coinm)_(?!\d+(?:symbols?)?(?:[_.]|$))([^_.]+)")
"""``spot_btcusdt_20240808.gz`` names an instrument; ``spot_4symbols_20211012.gz`` and ``spot_20240808.gz`` do not."""

_SNAPSHOT: Final = frozenset({"lastUpdateId", "bids", "asks"})

_GZIP: Final = b"\x1f\x8b"


class RecordingError(Exception):
    """A recording can't be read at all: it is missing, empty, no file, or of a venue that nothing tells."""


class TruncatedRecordingError(RecordingError):
    """A gzip recording breaks off. The lines before the break were delivered.

    Attributes:
        path: The file.
        line: Number, from 0, of the first line that could not be read.
    """

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(
            f"expected the end of the gzip data in {path}, received a broken file at line {line} (counted from 0);"
            " the lines before it were read. Fetch or record the file again"
        )
        self.path = path
        self.line = line


class RecordingReader:
    """Reads one recording; may be iterated more than once.

    Args:
        path: The file.
        venue: Of all its messages; without it the file's name tells (``spot_``, ``usdm_``, ``coinm_``).
        symbol: Of messages that tell none (a bare REST snapshot); without it the file's name (``spot_btcusdt_...``),
            else the first stream line tells.

    Raises:
        RecordingError: The file is missing, a directory or empty, or nothing tells the venue.
    """

    def __init__(self, path: str | Path, venue: str | None = None, symbol: str | None = None) -> None:
        self.path = Path(path)
        self.topic = self.path.name
        if self.path.is_dir():
            raise RecordingError(f"expected a recording, received the directory {self.path}; name the files in it")
        if not self.path.exists():
            raise RecordingError(f"expected a recording at {self.path}, found none; check the path")
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise RecordingError(f"expected a recording, received the empty file {self.path}")
        self.venue = venue if venue is not None else _VENUES.get(self.topic.partition("_")[0].lower(), "")
        if not is_venue(self.venue):
            raise RecordingError(
                f"expected the venue of {self.topic} from its name (spot_..., usdm_..., coinm_...) or from --venue"
                f" (binance-spot, binance-usdm, binance-coinm or another lower-case name), received {venue!r}"
            )
        self._symbol = symbol
        self._keys: dict[bytes, bytes] = {}
        self._heads: dict[bytes, bytes] = {}

    def batches(self, size: int = 1000) -> Iterator[RawBatch]:
        """The messages in order, ``size`` to a batch (blank lines count as lines, not as messages).

        Raises:
            RecordingError: The file has no messages.
            TruncatedRecordingError: The gzip data breaks off; raised after the last whole line was delivered.
        """
        batch, last_ns, empty = RawBatch(self.topic), 0, True
        try:
            for number, line in self._lines():
                last_ns = self._add(batch, number, line, last_ns)
                empty = False
                if len(batch) >= size:
                    yield batch
                    batch = RawBatch(self.topic)
        except TruncatedRecordingError:
            if len(batch):
                yield batch
            raise
        if len(batch):
            yield batch
        if empty:
            raise RecordingError(f"expected messages in {self.path}, received none; record or fetch it again")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """(number, line) of the lines that hold something."""
        number = -1
        with self.open() as file:
            try:
                for number, line in enumerate(_split(file)):
                    text = line.strip()
                    if text:
                        yield number, text
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise TruncatedRecordingError(self.path, number + 1) from None

    def _add(self, batch: RawBatch, number: int, line: bytes, last_ns: int) -> int:
        """Append a line's message; returns its receive time, ns (``last_ns``, the line before's, when it has none)."""
        time, _, value = line.partition(b" ")
        scale = _TO_NS.get(len(time)) if time.isdigit() else None
        if scale is None:
            # Even if the rest is good JSON: with an empty receive time it becomes a fault, not a message of no time.
            received, recv, value = last_ns, b"", line
        elif scale == 1:
            received, recv = int(time), time
        else:
            received = int(time) * scale
            recv = b"%d" % received
        headers: Headers = [("recv_ns", recv)]
        key = self._heads.get(value[: value.find(b"@", 0, _LONGEST_HEAD) + 1])
        if key is None:
            match = _STREAM.match(value)
            key = self._bare(value, headers) if match is None else self._enveloped(match)
        batch.append(value, key=key, headers=headers, offset=number, timestamp_ms=received // 1_000_000)
        return received

    def _enveloped(self, match: re.Match[bytes]) -> bytes:
        """The key of a message with an envelope; all that begin the same have the same."""
        key = self._key(match[1])
        if match.end() <= _LONGEST_HEAD and len(self._heads) < _MOST_HEADS:
            self._heads[match[0]] = key
        return key

    def _bare(self, value: bytes, headers: Headers) -> bytes | None:
        """The key of a message without an envelope; names the stream of a REST snapshot in ``headers``."""
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            document = None
        fields = document if type(document) is dict else {}
        stream = fields.get("stream")
        told = stream.partition("@")[0] if type(stream) is str else fields.get("s", fields.get("symbol"))
        symbol = told if type(told) is str and told else self._file_symbol()
        if symbol is None:
            return None
        if "stream" not in fields and fields.keys() >= _SNAPSHOT:
            headers.append(("stream", f"{symbol.lower()}@snapshot".encode()))
        return self._key(symbol.encode())

    def open(self) -> IO[bytes]:
        """The file's lines, unpacked when its first bytes are gzip's (whatever its name)."""
        file = self.path.open("rb")
        # peek() gives what one read gives, at least a byte unless the file is at its end.
        if file.peek(2)[:2] != _GZIP:
            return file
        return cast("IO[bytes]", _Unpacked(file))

    def _file_symbol(self) -> str | None:
        """The symbol of messages that tell none; None when nothing tells it."""
        if self._symbol is None:
            match = _NAMED_SYMBOL.match(self.topic.lower())
            self._symbol = match[1] if match else self._first_symbol()
        return self._symbol or None

    def _first_symbol(self) -> str:
        """The symbol of the first stream line, "" without one."""
        with self.open() as lines:
            try:
                for line in lines:
                    match = _STREAM.match(line.partition(b" ")[2])
                    if match:
                        return match[1].decode("utf-8", "replace")
            except (EOFError, OSError, zlib.error):
                return ""  # told where the messages themselves are read
        return ""

    def _key(self, symbol: bytes) -> bytes:
        """The Kafka key of a symbol in any case."""
        key = self._keys.get(symbol)
        if key is None:
            key = f"{self.venue}:{symbol.decode('utf-8', 'replace').upper()}".encode()
            self._keys[symbol] = key
        return key


def _split(file: IO[bytes]) -> Iterator[bytes]:
    """The lines, a chunk of them at a time: asking the file for each costs as much as reading it. A pipe's come as they do."""
    read = cast("BufferedReader", file).read1
    begun: list[bytes] = []
    while chunk := read(_CHUNK):
        lines = chunk.split(b"\n")
        begun.append(lines[0])
        if len(lines) > 1:
            lines[0] = b"".join(begun)
            begun = [lines.pop()]
            yield from lines
    yield b"".join(begun)


class _Unpacked(gzip.GzipFile):
    """A gzip file that closes what it reads from."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._packed = file

    def close(self) -> None:
        super().close()
        self._packed.close()


def write_recording(path: str | Path, messages: Iterable[tuple[int, bytes]]) -> int:
    """Write (receive time ns, raw JSON) pairs as a recording, gzip when the name ends in ``.gz``; returns how many.

    Equal messages give an equal file: the gzip header holds neither name nor time.

    Raises:
        ValueError: A time without 19 digits (before 2001 or after 2286), or a message of more than one line.
    """
    count = 0
    with Path(path).open("wb") as file, _packer(path, file) as out:
        for received, value in messages:
            if not 10**18 <= received < 10**19:
                raise ValueError(f"expected a receive time of 19 digits (ns), received {received}")
            if b"\n" in value or b"\r" in value:
                raise ValueError(f"expected a message of one line, received {value[:80]!r}")
            out.write(b"%d %b\n" % (received, value))
            count += 1
    return count


def _packer(path: str | Path, file: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    if Path(path).suffix != ".gz":
        return nullcontext(file)
    return cast("IO[bytes]", gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0, compresslevel=6))
