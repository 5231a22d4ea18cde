"""Owns what is written down for whoever judges the feed: what was sent, what was true, what went wrong on purpose."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from zlib import crc32

import orjson
import structlog
from typing_extensions import Self

from fake_exchange.book import Best
from fake_exchange.faults import Fault


class Ledger:
    """Counts and files; a context manager that closes the files.

    Args:
        sent: a file for every frame that was handed to a socket, JSON lines: sent_ns, socket, stream, length, crc32 of the
            bytes. Frames of one write have one time.
        truth: a file for the best bid and ask at every depth message of the tape, whether it was sent or not: time_ns,
            symbol, stream, update_id, bid and ask as [price, quantity] in decimal text or null.

    Attributes:
        counts: frames sent by stream, over all sockets.
        last_ids: update or trade id that was sent last, by stream.
        faults: what went wrong on purpose, when, on which connections, and which symbols that touches.
    """

    def __init__(self, sent: Path | None, truth: Path | None) -> None:
        self._files = ExitStack()
        self._sent = self._open(sent)
        self._truth = self._open(truth)
        self._log = structlog.get_logger("obi.fake_exchange")
        self.counts: Counter[str] = Counter()
        self.last_ids: dict[str, int] = {}
        self.faults: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        """Files are open from the beginning."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._files.close()

    @property
    def wants_truth(self) -> bool:
        """Whether somebody reads the truth; finding the best of a book costs."""
        return self._truth is not None

    def sent(self, socket: int, frames: list[tuple[str, int | None, bytes]], now_ns: int) -> None:
        """Write down (stream, id, bytes) of frames that go out in one write."""
        for stream, number, _ in frames:
            self.counts[stream] += 1
            if number is not None:
                self.last_ids[stream] = number
        if self._sent is not None:
            line = b'{"sent_ns":%d,"socket":%d,"stream":"%b","length":%d,"crc32":%d}\n'
            self._sent.writelines(
                line % (now_ns, socket, stream.encode(), len(data), crc32(data)) for stream, _, data in frames
            )

    def truth(self, best: Best) -> None:
        """Write down what was true at a depth message."""
        if self._truth is not None:
            self._truth.write(orjson.dumps({"time_ns": time.time_ns(), **best._asdict()}) + b"\n")

    def fault(self, fault: Fault, sockets: Mapping[int, list[str]]) -> None:
        """Write down a fault that begins now, with the connections that it befalls and the symbols they carry."""
        symbols = sorted({symbol for carried in sockets.values() for symbol in carried} or {fault.symbol or "all"})
        row = {"time_ns": time.time_ns(), "kind": fault.kind, "symbol": fault.symbol, "seconds": fault.seconds}
        row |= {"sockets": [*sockets], "symbols": symbols}
        self.faults.append(row)
        self._log.info("fault", **row)

    def note(self, what: str, **fields: Any) -> None:
        """A line in the log."""
        self._log.info(what, **fields)

    def flush(self) -> None:
        """Hand the files' contents to the system, so that others can read them."""
        for file in (self._sent, self._truth):
            if file is not None:
                file.flush()

    def _open(self, path: Path | None) -> IO[bytes] | None:
        return None if path is None else self._files.enter_context(path.open("wb"))
