"""How commands show work: a progress bar on a terminal, a plain log line now and then elsewhere. On standard error.

Owns the progress of everything long, and the form of the closing summaries.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeRemainingColumn

Advance: TypeAlias = Callable[[float, str], None]
"""Tell how far the work is (in the unit of the total), with a note."""

_LINE_EVERY_S: Final = 10.0
_REDRAW_EVERY_S: Final = 0.1


def stderr() -> Console:
    """Standard error, as a person sees it."""
    return Console(stderr=True, highlight=False)


@contextmanager
def progress(what: str, total: float | None) -> Iterator[Advance]:
    """Show the progress of ``what`` up to ``total`` (None: not known) while inside."""
    console = stderr()
    if console.is_terminal:
        yield from _bar(console, what, total)
    else:
        yield from _lines(what, total)


def _bar(console: Console, what: str, total: float | None) -> Iterator[Advance]:
    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}")]
    if total is not None:
        columns += [BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(compact=True)]
    columns.append(TextColumn("{task.fields[note]}", style="dim"))
    last = 0.0
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, note="")

        def advance(done: float, note: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _REDRAW_EVERY_S or (total is not None and done >= total):
                last = now
                bar.update(task, completed=done, note=note)

        yield advance


def _lines(what: str, total: float | None) -> Iterator[Advance]:
    log = structlog.get_logger("obi")
    last = time.monotonic()

    def advance(done: float, note: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            percent = {} if not total else {"percent": round(100 * done / total)}
            log.info(what, **percent, progress=note)

    yield advance


def reasons(counts: Counter[str]) -> str:
    """``1,234 (trade 1,200, snapshot 34)``."""
    parts = ", ".join(f"{name} {number(count)}" for name, count in counts.most_common() if count)
    return f"{number(counts.total())} ({parts})" if parts else "0"


def number(value: float) -> str:
    """An integer with its thousands apart, in one word that no line break tears."""
    return f"{value:,.0f}"


def conservation(messages: int, records: int, faults: Counter[str], ignored: Counter[str]) -> str:
    """The one line that must add up: every message is a record, a fault or ignored for a reason."""
    adds_up = messages == records + faults.total() + ignored.total()
    return (
        f"messages {number(messages)} {'=' if adds_up else '!='} records {number(records)}"
        f" + faults {reasons(faults)} + ignored {reasons(ignored)}"
    )
