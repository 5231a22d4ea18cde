"""``obi run --shards N``: the same command again for each shard, and what is shown meanwhile.

Owns what a child is told besides what the user typed: its shard, its port for Prometheus, logs that we can read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dataflows.settings import Settings, SettingsError, split_address
from dataflows.shards import Shard
from dataflows.supervision.shard_process import ShardProcess
from dataflows.supervision.supervisor import supervise
from obi.shards_view import shown

SHARDS_MOST: Final = 256
"""More processes than a machine has use for, and fewer than a process may have open pipes to."""

_LAST_PORT: Final = 65_535
_FLAG: Final = "--shards"


def run_shards(settings: Settings, count: int, typed: Sequence[str], *, until_end: bool) -> None:
    """Run all shards until they are done, or told to stop.

    Args:
        settings: as every child will find them too.
        count: of shards.
        typed: the arguments of this very command.
        until_end: whether it was typed.

    Raises:
        SettingsError: there are not enough ports.
        ShardError: a shard can't go on.
    """
    commands = {shard: command(shard, typed, settings) for shard in (Shard(index, count) for index in range(count))}
    environ = _environment(os.environ)
    with shown(f"{settings.raw_topic} -> {settings.metrics_topic}", settings.progress_interval_s) as onlooker:
        supervise(
            list(commands),
            lambda shard: ShardProcess(shard, commands[shard], environ),
            onlooker,
            until_end=until_end,
        )


def command(shard: Shard, typed: Sequence[str], settings: Settings) -> list[str]:
    """What starts a child: what was typed but for --shards; of flags that come twice the later counts.

    Raises:
        SettingsError: its port would be above the last one.
    """
    own = ["--shard", str(shard), "--supervised", "--log-format", "json", "--progress-interval", "1"]
    # Less than info would hide the progress from us; what is shown to the user is decided here.
    own += ["--log-level", "debug" if settings.log_level == "debug" else "info"]
    if settings.metrics_addr is not None:
        own += ["--metrics-addr", _address(settings.metrics_addr, shard)]
    return [sys.executable, "-m", "obi", *_without_shards(typed), *own]


def _without_shards(typed: Sequence[str]) -> list[str]:
    kept = list(typed)
    while _FLAG in kept:
        at = kept.index(_FLAG)
        del kept[at : at + 2]
    return [argument for argument in kept if not argument.startswith(f"{_FLAG}=")]


def _address(address: str, shard: Shard) -> str:
    _, port = split_address(address)
    if not port:
        return address
    if port + shard.count - 1 > _LAST_PORT:
        problem = f"expected {shard.count} ports from {port} on, one a shard, received one above {_LAST_PORT}"
        raise SettingsError([f"metrics_addr: {problem}; choose a lower one"])
    return f"{address.strip().rpartition(':')[0]}:{port + shard.index}"


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the way to this very code, and without the working folder's own modules in it."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (environ.get("PYTHONPATH"), root)))
    return {**environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
