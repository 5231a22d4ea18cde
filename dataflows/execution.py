"""A graph run to its end in this process: what signals do, what becomes of garbage and memory, which error comes out.

Owns the way from a failure inside Bytewax back to the error that it was.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from connectors.broker import BrokerError
from dataflows.settings import SettingsError
from dataflows.state import StateError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_GC_THRESHOLD: Final = (100_000, 20, 20)
"""Batches make many objects and hardly a cycle: the default (700, 10, 10) looks for cycles all the time, 6 % of it."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 64 * 1024 * 1024
_LARGE_BYTES: Final = 8 * 1024 * 1024

_STORE_FAILED: Final = ("SqliteFailure", "database or disk is full", "disk I/O error")


def execute(flow: Dataflow, folder: Path, epoch_interval: timedelta) -> None:
    """Run a graph with recovery in this thread; errors come out as they were raised inside.

    Raises:
        StateError: the recovery store could not be written.
        BrokerError: what source or sinks raised.
    """
    try:
        cli_main(flow, epoch_interval=epoch_interval, recovery_config=RecoveryConfig(str(folder)))  # type: ignore[no-untyped-call]  # Bytewax's stub has no types here
    except BaseException as error:
        expected = known_cause(error)
        if expected is not None:
            raise expected from None
        # A failure inside Bytewax's store is a panic of Rust: no Exception, and its text is all there is.
        if any(sign in str(error) for sign in _STORE_FAILED):
            raise StateError(
                f"expected to write recovery state in {folder}, received: {error}; is the disk full?"
            ) from error
        raise


def known_cause(error: BaseException) -> BrokerError | SettingsError | None:
    """The error of ours that Bytewax has wrapped in its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BrokerError | SettingsError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


@contextmanager
def signals_set(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set ``stop``; a second one does what it does by default. Only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely, and never among what was there before; memory stays bounded all the same."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def keep_memory() -> None:
    """Keep what one batch has freed for the next, up to 64 MB, instead of giving it back to the system; for good.

    How glibc does it by itself depends on the sizes that happen to be freed first. In some runs each batch gives megabytes
    back and gets them again page by page, zeroed: up to 4 us a message. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # no such function, or no way to ask for it
        return
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
