"""What the demo shows while it runs: the live table under a line of figures, or plain log lines without a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import structlog
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from consumers.auditor import Auditor
from consumers.feeding import Feeding
from obi.children import Child
from obi.screen import number
from obi.table import LiveTable
from obi.web_page import WebPage

_LOOK_EVERY_S: Final = 0.25
_LINE_EVERY_S: Final = 5.0


def show(
    what: str,
    children: Sequence[Child],
    feeding: Feeding,
    auditor: Auditor,
    *,
    lasts_s: float | None,
    table: bool,
    page: WebPage | None,
) -> None:
    """Return when all that was fed is answered, or when that can't be any more."""
    if Console().is_terminal:
        _show_live(what, children, feeding, auditor, lasts_s=lasts_s, table=table, page=page)
    else:
        _show_lines(what, children, feeding, auditor, page)


def _over(children: Sequence[Child], feeding: Feeding, auditor: Auditor) -> bool:
    """The first child is the job: its end is the end. The others may end when they have nothing more to say."""
    if feeding.error or auditor.error or children[0].exit_code is not None or any(child.failed for child in children):
        return True
    return feeding.done.is_set() and not any(auditor.backlog(part, sent) for part, sent in feeding.sent.items())


def _show_live(
    what: str,
    children: Sequence[Child],
    feeding: Feeding,
    auditor: Auditor,
    *,
    lasts_s: float | None,
    table: bool,
    page: WebPage | None,
) -> None:
    view = LiveTable(auditor.board if table else None)
    start = time.monotonic()
    with Live(view, console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            with auditor.lock:
                view.title = _title(what, feeding, start, lasts_s)
                view.footer = _figures(feeding, auditor, page)
                live.refresh()
            if _over(children, feeding, auditor):
                return
            time.sleep(_LOOK_EVERY_S)


def _title(what: str, feeding: Feeding, start: float, lasts_s: float | None) -> Table:
    line = Table.grid(padding=(0, 2))
    elapsed = max(time.monotonic() - start, 1e-9)
    cells = [
        Text("obi demo", "bold"),
        Text(what),
        Text(f"market time {clock(feeding.recorded_s)}{f' of {clock(lasts_s)}' if lasts_s else ''}"),
    ]
    bar = [ProgressBar(total=lasts_s, completed=min(feeding.recorded_s, lasts_s), width=16)] if lasts_s else []
    line.add_row(*cells, *bar, Text(f"{feeding.recorded_s / elapsed:.1f}x", "dim"))
    return line


def _figures(feeding: Feeding, auditor: Auditor, page: WebPage | None) -> Group:
    quotes = auditor.audits.quotes
    style = "bold red" if quotes["unequal"] else "green"
    return Group(
        Text(),
        Text.assemble(
            f"raw {number(feeding.total)}   records {number(auditor.board.total)}   "
            f"faults {number(auditor.ledger.faults.total())}   best bid/ask = bookTicker ",
            (f"{number(quotes['equal'])}/{number(quotes.total())}", style),
        ),
        Text("Ctrl-C ends it, with a summary" + (f"   {page.told}" if page is not None else ""), "dim"),
    )


def _show_lines(what: str, children: Sequence[Child], feeding: Feeding, auditor: Auditor, page: WebPage | None) -> None:
    log = structlog.get_logger("obi")
    log.info("demo started", feed=what)
    shown = time.monotonic()
    told = ""
    while not _over(children, feeding, auditor):
        time.sleep(_LOOK_EVERY_S)
        if page is not None and page.told != told:
            told = page.told
            log.info(told)
        if time.monotonic() - shown >= _LINE_EVERY_S:
            shown = time.monotonic()
            with auditor.lock:
                quotes = auditor.audits.quotes
                log.info(
                    "demo", market_time=clock(feeding.recorded_s), raw=feeding.total, records=auditor.board.total,
                    faults=auditor.ledger.faults.total(), quotes_equal=quotes["equal"], quotes_unequal=quotes["unequal"],
                )  # fmt: skip


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"
