"""What ``obi run --shards`` shows: a live table on a terminal, log lines elsewhere, each with one line a shard. On standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Final

import structlog
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dataflows.shards import Shard
from dataflows.supervision.keeper import Onlooker, ShardStatus
from obi.screen import number, stderr

_STYLES: Final = {"running": "green", "done": "green", "starting": "cyan", "ending": "cyan", "failed": "bold red"}
_WAITING: Final = "yellow"
_PARTITIONS_SHOWN: Final = 4


@contextmanager
def shown(what: str, interval_s: float) -> Iterator[Onlooker]:
    """Who shows the shards, as it fits where standard error goes.

    Args:
        what: they work on.
        interval_s: time between two log lines of each, where there is no terminal; 0: only changes are logged.
    """
    console = stderr()
    if not console.is_terminal:
        yield ShardLines(console, interval_s)
        return
    # What is logged meanwhile comes to stand above the table.
    with Live(console=console, auto_refresh=False) as live:
        yield ShardTable(live, what)


class ShardTable:
    """On a terminal.

    Args:
        live: where.
        what: the shards work on, for the title.
    """

    def __init__(self, live: Live, what: str) -> None:
        self._live = live
        self._what = what

    def look(self, shards: Sequence[ShardStatus]) -> None:
        """Draw it anew."""
        title = Text.assemble(("obi run", "bold"), f"  {len(shards)} shards  {self._what}")
        states = {status.state for status in shards}
        self._live.update(Group(title, table(shards), Text(_hint(states), "dim")), refresh=True)

    def said(self, shard: Shard, words: Sequence[str]) -> None:
        """Above the table."""
        _say(self._live.console, shard, words)


class ShardLines:
    """Without a terminal: a line for each change of a shard, and one for each shard now and then.

    Args:
        console: for what is no log.
        interval_s: time between two lines of a shard; 0: only changes are logged.
        clock: seconds that only go on.
    """

    def __init__(self, console: Console, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._interval_s = interval_s or inf
        self._clock = clock
        self._due = clock() + self._interval_s
        self._known: dict[Shard, tuple[str, int | None]] = {}

    def look(self, shards: Sequence[ShardStatus]) -> None:
        """Log what is due."""
        due = self._clock() >= self._due
        if due:
            self._due = self._clock() + self._interval_s
        for status in shards:
            # The seconds until a restart are no change.
            now = (status.state.split()[0], status.pid)
            if due or self._known.get(status.shard) != now:
                self._known[status.shard] = now
                _log(status)

    def said(self, shard: Shard, words: Sequence[str]) -> None:
        """As it is."""
        _say(self._console, shard, words)


def table(shards: Sequence[ShardStatus]) -> Table:
    """One line a shard, and one for all; it fits 80 columns."""
    drawn = Table(
        box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold dim", footer_style="bold",
        show_footer=len(shards) > 1,
    )  # fmt: skip
    lags = [status.lag for status in shards if status.lag is not None]
    drawn.add_column("shard", "all", no_wrap=True)
    drawn.add_column("state", min_width=15, no_wrap=True)
    drawn.add_column("pid", justify="right", no_wrap=True)
    drawn.add_column("partitions", min_width=10, no_wrap=True, overflow="ellipsis")
    for name, total in (
        ("msg/s", sum(status.per_second for status in shards)),
        ("lag", sum(lags) if lags else None),
        ("faults", sum(status.faults for status in shards)),
        ("restarts", sum(status.restarts for status in shards)),
    ):
        drawn.add_column(name, _figure(total), justify="right", no_wrap=True)
    for status in shards:
        drawn.add_row(
            str(status.shard),
            Text(status.state, _STYLES.get(status.state, _WAITING)),
            str(status.pid or "-"),
            _partitions(status.partitions),
            _figure(status.per_second),
            _figure(status.lag),
            Text(number(status.faults), "yellow" if status.faults else ""),
            Text(number(status.restarts), "yellow" if status.restarts else ""),
        )
    return drawn


def _hint(states: set[str]) -> str:
    if states <= {"done", "failed"}:
        return ""
    return "ending cleanly; Ctrl-C kills them" if "ending" in states else "Ctrl-C ends all of them cleanly"


def _figure(value: int | None) -> str:
    return "-" if value is None else number(value)


def _partitions(partitions: Sequence[int] | None) -> str:
    """``0 2 4 6`` or, of many, ``0 2 4 .. 126``."""
    if partitions is None:
        return "-"
    if len(partitions) > _PARTITIONS_SHOWN:
        return f"{' '.join(map(str, partitions[:2]))} .. {partitions[-1]}"
    return " ".join(map(str, partitions)) or "none"


def _log(status: ShardStatus) -> None:
    structlog.get_logger("obi").info(
        "shard", shard=str(status.shard), state=status.state, pid=status.pid, partitions=status.partitions,
        restarts=status.restarts, messages=status.messages, per_second=status.per_second, lag=status.lag,
        faults=status.faults,
    )  # fmt: skip


def _say(console: Console, shard: Shard, words: Sequence[str]) -> None:
    for line in words:
        console.print(Text.assemble((f"{shard} ", "dim"), line), soft_wrap=True)
