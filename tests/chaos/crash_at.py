"""The command `obi`, which dies by SIGKILL at a chosen point of its work: when POINT is reached for the COUNT-th time.

    python -m tests.chaos.crash_at POINT COUNT run ...

The production code has no hooks for that: methods of source, sinks and the memory of an instrument are wrapped on their
way into the graph. What stands between a snapshot and its commit is reached by a value that nobody survives to pickle:
Bytewax does so after `snapshot` has returned.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from connectors.outgoing import OutBatch
from dataflows import job, recovery
from dataflows.graph import InstrumentLogic
from obi.cli import main

_ON_THE_WIRE_S: Final = 0.1

Method = Callable[..., Any]


def die() -> NoReturn:
    """As by the kernel, a power cut or an operator: nothing is closed, nothing flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("expected to be dead")


class Bomb:
    """Dies when it is pickled."""

    def __reduce__(self) -> NoReturn:
        die()


class Trigger:
    """Pulled at each visit of the point; fires at the COUNT-th."""

    def __init__(self, count: int) -> None:
        self._left = count

    def pull(self) -> bool:
        self._left -= 1
        return self._left == 0


def before(trigger: Trigger, method: Method, *given: Any) -> Any:
    """Die where the method begins."""
    if trigger.pull():
        die()
    return method(*given)


def after(trigger: Trigger, method: Method, *given: Any) -> Any:
    """Die where the method has done its work and its caller does not know yet."""
    done = method(*given)
    if trigger.pull():
        die()
    return done


def mined(trigger: Trigger, method: Method, *given: Any) -> Any:
    """Die when the result is pickled."""
    done = method(*given)
    return Bomb() if trigger.pull() else done


def halfway(trigger: Trigger, method: Method, batches: list[OutBatch]) -> None:
    """Die when the first half of a batch is written, or on its way."""
    if not trigger.pull():
        method(batches)
        return
    method([_half(batch) for batch in batches])
    time.sleep(_ON_THE_WIRE_S)
    die()


class AfterCommit:
    """Die where the source is asked for the first batch after a snapshot: Bytewax asks once all of the epoch is stored."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self._has_snapshot = False

    def snapshot(self, method: Method) -> Any:
        self._has_snapshot = True
        return method()

    def next_batch(self, method: Method) -> Any:
        if self._has_snapshot:
            self._has_snapshot = False
            if self._trigger.pull():
                die()
        return method()


SINK_POINTS: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "a batch comes": ("write_batch", before),
    "half of a batch is written": ("write_batch", halfway),
    "its snapshot begins": ("snapshot", before),
    "its snapshot was taken": ("snapshot", after),
    "its snapshot is being stored": ("snapshot", mined),
}
POINTS: Final = (
    "state: the store is made",
    "state: meta.json is not in its place yet",
    *(f"{sink}: {what}" for sink in ("metrics", "faults") for what in SINK_POINTS),
    "instrument: its memory is being stored",
    "source: its position is being stored",
    "source: the epoch is committed",
)
"""In the order in which a job that starts from nothing comes to them."""


def wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Put a wrapper around a method; it is called with what it wraps and the arguments."""
    setattr(owner, name, partial(wrapper, getattr(owner, name)))


def wrap_parts(edge: Any, wraps: dict[str, Callable[..., Any]]) -> None:
    """Put wrappers around methods of all parts of a source or sink."""

    def build_part(method: Method, *given: Any) -> Any:
        part = method(*given)
        for name, wrapper in wraps.items():
            wrap(part, name, wrapper)
        return part

    wrap(edge, "build_part", build_part)


def mine(point: str, trigger: Trigger) -> None:
    """Make the point deadly."""
    who, _, what = point.partition(": ")
    if who in {"metrics", "faults"}:
        name, how = SINK_POINTS[what]
        _wrap_edge(who, {name: partial(how, trigger)})
    elif point == "source: its position is being stored":
        _wrap_edge(who, {"snapshot": partial(mined, trigger)})
    elif point == "source: the epoch is committed":
        commit = AfterCommit(trigger)
        _wrap_edge(who, {"snapshot": commit.snapshot, "next_batch": commit.next_batch})
    elif point == "instrument: its memory is being stored":
        whole = InstrumentLogic.snapshot
        InstrumentLogic.snapshot = lambda self: mined(trigger, whole, self)  # type: ignore[method-assign]
    elif point == "state: the store is made":
        wrap(recovery, "init_db_dir", partial(after, trigger))
    elif point == "state: meta.json is not in its place yet":
        rename = Path.rename
        Path.rename = lambda self, target: before(trigger, rename, self, target)  # type: ignore[method-assign]
    else:
        raise SystemExit(f"expected one of {POINTS}, received {point!r}")


def _wrap_edge(who: str, wraps: dict[str, Callable[..., Any]]) -> None:
    """Of the graph that is going to be built."""

    def build(method: Method, source: Any, metrics: Any, faults: Any, **given: Any) -> Any:
        wrap_parts({"source": source, "metrics": metrics, "faults": faults}[who], wraps)
        return method(source, metrics, faults, **given)

    wrap(job, "build", build)


def _half(batch: OutBatch) -> OutBatch:
    end = len(batch) // 2
    headers = None if batch.headers is None else batch.headers[:end]
    return OutBatch(batch.partition, batch.keys[:end], batch.values[:end], batch.timestamps_ms[:end], headers)


if __name__ == "__main__":
    mine(sys.argv[1], Trigger(int(sys.argv[2])))
    del sys.argv[1:3]
    main()
