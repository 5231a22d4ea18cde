"""One life of a shard: a process of its own, what it says, and its end.

Owns the ears: a child logs JSON lines, which are logged here once more with the shard's name, in the form that this process
logs in; lines of progress are kept as numbers; all other lines (summaries, errors, tracebacks) are its last words.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import structlog

from dataflows.progress import PROGRESS
from dataflows.shards import Shard

_WORDS: Final = 40
"""Lines of last words that are kept: a traceback, or the longest of our errors."""

_END_OF_WORDS_S: Final = 2.0
_OURS: Final = ("event", "level", "logger", "timestamp", "shard")
"""Keys of a log line that are said anew when it is logged here."""


class ShardProcess:
    """A started command. It ends when its standard input does (``dataflows.supervision.lifeline``), so it can't outlive us.

    Args:
        shard: which one it is.
        command: with all its arguments.
        environ: all of its environment.
    """

    def __init__(self, shard: Shard, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._shard = shard
        self._progress: Mapping[str, Any] | None = None
        self._words: deque[str] = deque(maxlen=_WORDS)
        # A session of its own: Ctrl-C comes to us alone, or the child would get it twice, and a second one kills.
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, start_new_session=True
        )
        self._ears = threading.Thread(target=self._listen, name=f"shard-{shard}", daemon=True)
        self._ears.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """Fields of the last line of progress; None before the first one."""
        return self._progress

    def stop(self) -> None:
        """Ask it to end cleanly."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def last_words(self) -> tuple[str, ...]:
        """What it said besides its log, once it has ended."""
        self._ears.join(_END_OF_WORDS_S)
        return tuple(self._words)

    def close(self) -> None:
        """Give back what belongs to it, killing it if need be."""
        self._process.kill()
        self._process.wait()
        self._ears.join(_END_OF_WORDS_S)
        # With somebody else at the other end still, closing what the ears read from would wait for them.
        for pipe in (self._process.stdin, None if self._ears.is_alive() else self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        pipe: IO[bytes] = self._process.stderr  # type: ignore[assignment]  # it is a pipe, see above
        for raw in pipe:
            line = raw.decode("utf-8", "replace").rstrip()
            event = _event(line)
            if event is None:
                self._words.append(line)
            elif event["event"] == PROGRESS:
                self._progress = event
            else:
                _log(self._shard, event)


def exit_text(code: int) -> str:
    """How a process ended.

    >>> exit_text(3), exit_text(-9)
    ('exit code 3', 'signal SIGKILL')
    """
    if code >= 0:
        return f"exit code {code}"
    known = {number.value: number.name for number in signal.Signals}
    return f"signal {known.get(-code, -code)}"


def _event(line: str) -> dict[str, Any] | None:
    """A line of a log as its fields; None for any other line."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _log(shard: Shard, event: Mapping[str, Any]) -> None:
    level = logging.getLevelName(str(event.get("level", "info")).upper())
    fields = {name: value for name, value in event.items() if name not in _OURS}
    log = structlog.get_logger(str(event.get("logger", "obi"))).bind(shard=str(shard), **fields)
    log.log(level if isinstance(level, int) else logging.INFO, event["event"])
