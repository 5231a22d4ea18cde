"""The end of a process whose supervisor is gone, however that died: a pipe that only the supervisor holds open.

Owns the child's side: its standard input is the pipe, nothing is ever written to it, and its end means to end. This works
wherever there are pipes, and says nothing wrong when the supervisor is killed before the child listens.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

_STDIN: Final = 0
_PATIENCE_S: Final = 30.0
"""Longer than a run needs to end cleanly."""


@contextmanager
def lifeline_held(stop: threading.Event, descriptor: int = _STDIN, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Set ``stop`` when the pipe is closed; end the process at once when it goes on for ``patience_s`` all the same."""
    ended = threading.Event()

    def watch() -> None:
        # Not by sys.stdin: a thread that sleeps in its lock would be an error at the interpreter's end.
        while os.read(descriptor, 1):
            pass
        if ended.is_set():
            return
        stop.set()
        structlog.get_logger("obi").warning("the supervisor is gone, ending")
        if not ended.wait(patience_s):
            os._exit(3)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
