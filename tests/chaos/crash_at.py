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
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from connectors.journal import CHECKPOINT, Journal, Standing
from connectors.outgoing import OutBatch
from dataflows import job, recovery
from dataflows.graph import MeasureLogic
from obi.cli import main

_ON_THE_WIRE_S: Final = 0.1

Method = Callable[..., Any]


class Trigger:
    """Pulled at each visit of the point; fires at the COUNT-th."""

    def __init__(self, count: int) -> None:
        self._left = count

    def pull(self) -> bool:
        self._left -= 1
        return self._left == 0


Wraps = Callable[[Trigger], Mapping[str, Callable[..., Any]]]
"""Wrappers by the name of the method that they are put around."""


def die() -> NoReturn:
    """As by the kernel, a power cut or an operator: nothing is closed, nothing flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("expected to be dead")


class Bomb:
    """Dies when it is pickled."""

    def __reduce__(self) -> NoReturn:
        die()


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


def endless(trigger: Trigger, method: Method, journal: Journal, kind: bytes, standing: Standing) -> Any:
    """Die when all of a checkpoint is written but the message that makes it one."""
    if kind == CHECKPOINT and trigger.pull():
        journal._producer.flush()
        die()
    return method(journal, kind, standing)


def at(name: str, how: Callable[..., Any]) -> Wraps:
    """Of one method."""
    return lambda trigger: {name: partial(how, trigger)}


def after_commit(trigger: Trigger) -> Mapping[str, Callable[..., Any]]:
    """Die where the source is asked for the first batch after a snapshot: Bytewax asks once all of the epoch is stored."""
    snapshots = 0

    def snapshot(method: Method) -> Any:
        nonlocal snapshots
        snapshots += 1
        return method()

    def next_batch(method: Method) -> Any:
        nonlocal snapshots
        if snapshots and trigger.pull():
            die()
        snapshots = 0
        return method()

    return {"snapshot": snapshot, "next_batch": next_batch}


EDGES: Final = ("source", "metrics", "faults")
SINK_POINTS: Final[Mapping[str, Wraps]] = {
    "a batch comes": at("write_batch", before),
    "half of a batch is written": at("write_batch", halfway),
    "the snapshot begins": at("snapshot", before),
    "the snapshot was taken": at("snapshot", after),
    "the snapshot is being stored": at("snapshot", mined),
}
POINTS: Final[Mapping[str, tuple[Any, Wraps]]] = {
    "state: the store is made": (recovery, at("init_db_dir", after)),
    "state: meta.json is not in its place yet": (Path, at("rename", before)),
    "journal: the start is told": (Journal, at("start", after)),
    **{f"{sink}: {what}": (sink, wraps) for sink in ("metrics", "faults") for what, wraps in SINK_POINTS.items()},
    "instrument: the memory is being stored": (MeasureLogic, at("snapshot", mined)),
    "source: the position is being stored": ("source", at("snapshot", mined)),
    "source: the epoch is committed": ("source", after_commit),
    "journal: a checkpoint has no end yet": (Journal, at("_headers", endless)),
    "journal: a checkpoint is on its way": (Journal, at("checkpoint", after)),
}
"""Whose methods are wrapped and how, in the order in which a job that starts from nothing comes to them.

An owner that is text is an edge of the graph: the methods are those of its parts.
"""


def mine(point: str, trigger: Trigger) -> None:
    """Make the point deadly."""
    owner, wraps = POINTS[point]
    if owner in EDGES:
        _wrap(job, "build", partial(_build, owner, wraps(trigger)))
    else:
        _wrap_all(owner, wraps(trigger))


def _build(edge: str, wraps: Mapping[str, Callable[..., Any]], build: Method, *edges: Any, **given: Any) -> Any:
    def build_part(method: Method, *of: Any) -> Any:
        part = method(*of)
        _wrap_all(part, wraps)
        return part

    _wrap(edges[EDGES.index(edge)], "build_part", build_part)
    return build(*edges, **given)


def _wrap_all(owner: Any, wraps: Mapping[str, Callable[..., Any]]) -> None:
    for name, wrapper in wraps.items():
        _wrap(owner, name, wrapper)


def _wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Put a wrapper around a method or function; it is called with what it wraps and the arguments."""
    method = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: wrapper(method, *given, **named))


def _half(batch: OutBatch) -> OutBatch:
    end = len(batch) // 2
    headers = None if batch.headers is None else batch.headers[:end]
    return OutBatch(batch.partition, batch.keys[:end], batch.values[:end], batch.timestamps_ms[:end], headers)


if __name__ == "__main__":
    mine(sys.argv[1], Trigger(int(sys.argv[2])))
    del sys.argv[1:3]
    main()
