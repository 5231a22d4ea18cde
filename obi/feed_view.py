"""What ``obi feed binance-...`` shows: a live table on a terminal, a log line now and then elsewhere, and a last line. On standard error."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Final

import structlog
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from connectors.live.feed import LiveFeed
from obi.screen import number, reasons, stderr

_REDRAW_S: Final = 0.5


class FeedView:
    """A feed, for a person.

    Args:
        feed: what is looked at.
        venue: its name.
        topic: where its messages go.
        interval_s: time between two log lines, where there is no terminal; 0: none.
    """

    def __init__(self, feed: LiveFeed, venue: str, topic: str, interval_s: float) -> None:
        self._feed = feed
        self._venue = venue
        self._topic = topic
        self._interval_s = interval_s
        self._start = time.monotonic()
        self._before = (self._start, 0)

    async def show(self) -> None:
        """Show it until cancelled."""
        console = stderr()
        if console.is_terminal:
            # What is logged meanwhile comes to stand above the table.
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(self.table(), refresh=True)
                    await asyncio.sleep(_REDRAW_S)
        while self._interval_s:
            await asyncio.sleep(self._interval_s)
            self.log()

    def table(self) -> Table:
        """All that matters, in lines; it fits 80 columns."""
        status, out = self._feed.core.status, self._feed.out
        drawn = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        drawn.title = Text.assemble(("obi feed ", "bold"), self._venue, f"  {len(self._feed.symbols)} symbols")
        drawn.title_justify = "left"
        drawn.add_row("sockets", _of(status.sockets_up, status.sockets))
        drawn.add_row("streams", _of(status.streams_up, status.streams, f"{number(status.streams_silent)} silent"))
        drawn.add_row("messages", f"{number(out.written)}, {number(self._per_second())}/s")
        drawn.add_row("acknowledged", f"{number(out.acknowledged)} by {self._topic}, {number(out.waiting)} on the way")
        drawn.add_row("gaps", Text(f"{number(status.gaps)}, {number(status.resyncing)} symbols wait for a snapshot"))
        drawn.add_row("snapshots", reasons(Counter(status.snapshots)))
        drawn.add_row("reconnects", reasons(Counter(status.reconnects)))
        drawn.add_row("bad frames", number(status.frames_bad))
        drawn.add_row("lag", "-" if status.lag_ms is None else f"{number(status.lag_ms)} ms")
        drawn.add_row("REST weight", f"{number(status.weight_used)} of {number(status.weight_limit)} a minute")
        waits = "" if self._feed.symbols else "waiting for the exchange's list of symbols; "
        drawn.add_row(Text(f"{waits}Ctrl-C ends it in order", "dim"))
        return drawn

    def log(self) -> None:
        """The same as a log line."""
        status, out = self._feed.core.status, self._feed.out
        structlog.get_logger("obi.feed").info(
            "feeding", venue=self._venue, symbols=len(self._feed.symbols), sockets=status.sockets_up,
            sockets_wanted=status.sockets, streams=status.streams_up, streams_wanted=status.streams,
            silent=status.streams_silent, messages=out.written, per_second=round(self._per_second()),
            acknowledged=out.acknowledged, waiting=out.waiting, gaps=status.gaps, resyncing=status.resyncing,
            snapshots=status.snapshots.total(), reconnects=status.reconnects.total(), bad_frames=status.frames_bad,
            lag_ms=status.lag_ms, weight=status.weight_used, weight_limit=status.weight_limit,
        )  # fmt: skip

    def total(self, console: Console) -> None:
        """The last line: what became of everything."""
        status, out = self._feed.core.status, self._feed.out
        seconds = time.monotonic() - self._start
        console.print(
            f"{number(out.acknowledged)} of {number(out.written)} messages acknowledged by {self._topic} in {seconds:.1f} s"
            f" ({number(out.acknowledged / max(seconds, 1e-9))} msg/s): gaps {number(status.gaps)},"
            f" snapshots {reasons(Counter(status.snapshots))}, reconnects {reasons(Counter(status.reconnects))},"
            f" bad frames {number(status.frames_bad)}",
            soft_wrap=True,
        )

    def _per_second(self) -> float:
        """Messages a second since the last look."""
        now, written = time.monotonic(), self._feed.out.written
        (then, before), self._before = self._before, (now, written)
        return (written - before) / max(now - then, 1e-9)


def _of(up: int, wanted: int, more: str = "") -> Text:
    text = f"{number(up)} of {number(wanted)} up" + (f", {more}" if more else "")
    return Text(text, "green" if up == wanted > 0 else "yellow")
