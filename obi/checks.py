"""The checks of ``doctor``: each looks at one thing and says what it found and what to do.

Owns the order (from what others need to what needs them: without a broker nothing is said of topics) and the limits.
Checks look and change nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from connectors.broker import Broker, BrokerError
from connectors.topics import TopicFacts, TopicNames, create_line, describe_topics
from consumers.lag import lag_of
from dataflows.job import topic_names
from dataflows.recovery import resume_epoch
from dataflows.settings import Settings, describe_settings
from obi.checks_books import books
from obi.finding import Finding
from obi.screen import number

_PYTHONS: Final = ((3, 10), (3, 12))
_BYTEWAX: Final = "0.21.1"
_LOW_DISK_BYTES: Final = 1_000_000_000
_MUCH_LAG: Final = 100_000


def all_checks(settings: Settings) -> Iterator[Finding]:
    """All findings, in their order."""
    yield from versions()
    yield changed_settings(settings)
    yield from state_dir(settings.state_dir)
    if settings.metrics_addr is not None:
        yield from books(settings.metrics_addr)
    broker = Broker(settings.bootstrap_servers, settings.kafka)
    try:
        broker.wait(min(settings.broker_timeout_s, 5.0))
    except BrokerError as error:
        found, _, do = str(error).partition("; ")
        yield Finding("FAIL", "broker", found, do)
        return
    yield Finding("OK", "broker", f"{settings.bootstrap_servers} answers")
    names = topic_names(settings)
    facts = describe_topics(broker, names)
    yield from topics(facts, create_line(broker, names))
    if all(topic.exists for topic in facts[:3]):
        yield lag(broker, names)


def versions() -> Iterator[Finding]:
    """Python and the libraries whose version matters."""
    python = sys.version_info[:2]
    told = f"{python[0]}.{python[1]}"
    if _PYTHONS[0] <= python <= _PYTHONS[1]:
        yield Finding("OK", "python", told)
    else:
        yield Finding(
            "FAIL", "python", f"expected 3.10 .. 3.12, received {told}", "use one that Bytewax has wheels for"
        )
    bytewax, client = version("bytewax"), version("confluent-kafka")
    if bytewax == _BYTEWAX:
        yield Finding("OK", "libraries", f"bytewax {bytewax}, confluent-kafka {client}")
    else:
        yield Finding(
            "FAIL", "libraries", f"expected bytewax {_BYTEWAX}, received {bytewax}", f"pip install bytewax=={_BYTEWAX}"
        )


def changed_settings(settings: Settings) -> Finding:
    """What is set otherwise than by default (they are valid, or we would not be here)."""
    changed = [
        f"{info.outside}={getattr(settings, info.name)}"
        for info in describe_settings()
        if info.name not in {"kafka", "state_dir"} and _differs(getattr(settings, info.name), info.default)
    ]
    if settings.kafka:
        changed.append(f"kafka keys: {', '.join(sorted(settings.kafka))} (values not shown)")
    return Finding("OK", "settings", ", ".join(changed) or "all by default")


def _differs(value: Any, default: object) -> bool:
    return bool(value) if default is None else value != default


def state_dir(path: Path) -> Iterator[Finding]:
    """Whether recovery state can be written, who writes it now, and how much room is left."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        yield Finding("FAIL", "state directory", f"{there} can't be written", "choose another with --state-dir")
        return
    if there != path:
        yield Finding("OK", "state directory", f"{path} will be made; the next run starts by --from")
    else:
        yield _recovery(path)
    free = shutil.disk_usage(there).free
    if free < _LOW_DISK_BYTES:
        yield Finding("warn", "disk", f"{number(free / 1e6)} MB left for {path}", "make room: recovery needs to write")
    else:
        yield Finding("OK", "disk", f"{number(free / 1e9)} GB left")


def _recovery(path: Path) -> Finding:
    """Who uses the stores, and whether a crash left something in them that a start has to clean away."""
    stores = sorted(path.rglob("*.sqlite3"))
    told = f"{path}, {len(stores)} recovery stores"
    locked = [lock for lock in path.rglob("lock") if lock.is_file() and _is_locked(lock)]
    if locked:
        return Finding("OK", "state directory", f"{told}, a job runs on it now ({len(locked)} locked)")
    try:
        left = sum(orphans(folder) for folder in {store.parent for store in stores})
    except sqlite3.Error as error:
        return Finding(
            "FAIL", "state directory", f"{told}: {error}", "move it away, or choose another with --state-dir"
        )
    crashed = f"; a crash left {left} snapshots, the next start purges them" if left else ""
    return Finding("OK", "state directory", f"{told}, no job runs on it now{crashed}")


def orphans(folder: Path) -> int:
    """Snapshots of epochs that will be run again; only looked at."""
    opened = [
        sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) for path in sorted(folder.glob("*.sqlite3"))
    ]
    try:
        epoch = resume_epoch(opened)
        counts = [store.execute("SELECT count(*) FROM snaps WHERE snap_epoch >= ?", (epoch,)) for store in opened]
        return sum(int(count.fetchone()[0]) for count in counts)
    finally:
        for store in opened:
            store.close()


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def topics(facts: tuple[TopicFacts, ...], create: str) -> Iterator[Finding]:
    """Whether the topics are there, have equal partitions, and keep what they must."""
    *needed, checkpoints = facts
    if missing := [topic.topic for topic in needed if not topic.exists]:
        yield Finding("FAIL", "topics", f"missing: {', '.join(missing)}", f"type: {create}")
        return
    counts = {topic.topic: len(topic.offsets) for topic in facts if topic.exists}
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    if len(set(counts.values())) == 1:
        yield Finding("OK", "partitions", told)
    else:
        do = (
            "a record goes to its source's partition: raise the lower numbers with kafka-topics.sh --alter --partitions"
        )
        yield Finding("FAIL", "partitions", told, do)
    if not checkpoints.exists:
        yield Finding("warn", "checkpoints", f"no topic {checkpoints.topic}", f"obi run makes it, or type: {create}")
    yield _raw_time(facts[0])


def _raw_time(raw: TopicFacts) -> Finding:
    kind = raw.config.get("message.timestamp.type")
    if kind is None:
        return Finding("warn", "raw time", "the broker does not tell message.timestamp.type", "look at it yourself")
    if kind == "LogAppendTime":
        return Finding("OK", "raw time", kind)
    return Finding(
        "warn",
        "raw time",
        f"{raw.topic} has message.timestamp.type={kind}: recordings fall to the retention at once",
        f"kafka-configs.sh --alter --topic {raw.topic} --add-config message.timestamp.type=LogAppendTime",
    )


def lag(broker: Broker, names: TopicNames) -> Finding:
    """How far the newest records are behind the end of the raw topic."""
    behind = lag_of(broker, names.raw, names.metrics)
    total = sum(behind.values())
    if total == 0:
        return Finding(
            "OK", "lag", "none: the newest records are of the newest depth messages, or there is nothing yet"
        )
    worst = max(behind, key=lambda partition: behind[partition])
    told = f"at most {number(total)} raw messages behind, worst partition {worst} with {number(behind[worst])}"
    if total > _MUCH_LAG:
        return Finding("warn", "lag", told, "is obi run running? its log and --metrics-addr tell how fast it is")
    return Finding("OK", "lag", told)
