"""``obi watch``: the metrics topic, live, as a table in the terminal."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Annotated, Final

import structlog
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from connectors.broker import BrokerError
from consumers.board import Board
from consumers.dashboard.happenings import Happenings
from consumers.dashboard.health import Health
from consumers.look_back import LookBack
from consumers.record_tail import RecordTail
from consumers.rows import check_schema
from dataflows.settings import Settings
from obi.connecting import connect, quiet_kafka
from obi.options import BROKER, with_settings
from obi.table import LiveTable, plain_lines

LOOK_EVERY_S: Final = 0.25
_LINES_EVERY_S: Final = 1.0
_EVENTS: Final = 3
_BACK: Final = LookBack(records=100, most=20_000)


@with_settings(*BROKER, "metrics_topic")
def watch(
    *,
    settings: Settings,
    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYMBOL]...", help="BTCUSDT, or binance-usdm:BTCUSDT; none: all.", show_default=False),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the newest records and end.")] = False,
) -> None:
    """Show the newest record of each instrument, live.

    Columns: the five features (imbal. = orderflow_imbalance, delta = delta_volume, spread % = bid_ask_spread_pct, ratio =
    order_book_depth_ratio, large = large_order_presence), the book's state, records per second, time since the raw
    message was written, and half a minute of history. Below: records per second, the time from a raw message to its
    record here, and the newest gaps, missing records and changes of state. Without a terminal: plain lines, one an instrument and second.
    While no broker answers, the last line says so, and it goes on by itself. Ctrl-C ends it.

    \b
    Examples:
      obi watch
      obi watch BTCUSDT binance-usdm:ETHUSDT
      obi watch --once
    """  # noqa: D301  (\b keeps typer from filling the lines)
    quiet_kafka()
    broker = connect(settings)
    tail = RecordTail(broker, _BACK.stretches(broker, settings.metrics_topic))
    seen = _Seen(Board(symbols or ()))
    console = Console(highlight=False)
    try:
        _catch_up(tail, seen, settings)
        if once:
            _show_once(console, seen.board, settings.metrics_topic)
        elif console.is_terminal:
            _show_live(console, tail, seen, settings)
        else:
            _show_lines(tail, seen, settings)
    except KeyboardInterrupt:
        pass  # how one leaves
    finally:
        tail.close()


class _Seen:
    """What was seen of the records: the newest of each instrument, how they come, what happened."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.happenings = Happenings()
        self._health = Health()

    def take(self, tail: RecordTail, *, counted: bool = True) -> None:
        arrived = tail.poll(LOOK_EVERY_S)
        for item in arrived:
            check_schema(item.record)
        now = time.monotonic()
        self.board.add(((item.record, item.timestamp_ms) for item in arrived), now, counted=counted)
        if counted:
            self._health.records([item.timestamp_ms for item in arrived], now, time.time() * 1000)
        for item in arrived:
            instrument = f"{item.record['venue']}:{item.record['symbol']}"
            if self.board.is_wanted(instrument):
                self.happenings.record(instrument, item.record, item.timestamp_ms)

    def figures(self) -> str:
        """One line."""
        figures, happenings = self._health.figures(time.monotonic(), None), self.happenings
        p50, p99 = (
            "-" if value is None else f"{value:,.0f} ms" for value in (figures.latency_p50_ms, figures.latency_p99_ms)
        )
        return (
            f"{figures.records_per_s:,.0f} records/s   raw message to here: p50 {p50}, p99 {p99}"
            f"   gaps {happenings.gaps:,}   missing {happenings.missing:,}"
        )

    def events(self) -> list[str]:
        """A line each, newest first."""
        return [
            f"{datetime.fromtimestamp(line.time_ms / 1000, timezone.utc):%H:%M:%S} {line.instrument} {line.text}"
            for line in self.happenings.newest(_EVENTS)
        ]


def _catch_up(tail: RecordTail, seen: _Seen, settings: Settings) -> None:
    away_since: float | None = None
    while not tail.caught_up:
        seen.take(tail, counted=False)
        away_since = None if tail.away is None else away_since or time.monotonic()
        if away_since is not None and time.monotonic() - away_since > settings.broker_timeout_s:
            raise BrokerError(
                f"expected records of {settings.metrics_topic} from the broker at {settings.bootstrap_servers} within"
                f" {settings.broker_timeout_s:g} s, received: {tail.away}"
            )


def _show_once(console: Console, board: Board, topic: str) -> None:
    if not board.lines():
        Console(stderr=True, highlight=False).print(f"no records in {topic} yet", markup=False)
    elif console.is_terminal:
        console.print(LiveTable(board))
    else:
        _print_lines(board)


def _show_live(console: Console, tail: RecordTail, seen: _Seen, settings: Settings) -> None:
    view = LiveTable(seen.board)
    view.reserved += _EVENTS + 1
    place = f"{settings.metrics_topic} at {settings.bootstrap_servers}"
    with Live(view, console=console, refresh_per_second=1 / LOOK_EVERY_S, screen=False) as live:
        while True:
            seen.take(tail)
            last = Text(f"{place}, Ctrl-C ends", "dim") if tail.away is None else _away(place, tail.away)
            events = (Text(line, "yellow", no_wrap=True, overflow="ellipsis") for line in seen.events())
            view.footer = Group(Text(seen.figures()), *events, last)
            live.refresh()


def _away(place: str, why: str) -> Text:
    return Text(f"no broker answers for {place} ({why}); trying on, Ctrl-C ends", "bold red")


def _show_lines(tail: RecordTail, seen: _Seen, settings: Settings) -> None:
    log, told = structlog.get_logger("obi"), False
    shown = 0.0
    while True:
        seen.take(tail)
        if told != (tail.away is not None):
            told = not told
            if told:
                log.warning("no broker answers, trying on", address=settings.bootstrap_servers, reason=tail.away)
            else:
                log.info("the broker answers again", address=settings.bootstrap_servers)
        if time.monotonic() - shown >= _LINES_EVERY_S:
            shown = time.monotonic()
            _print_lines(seen.board)


def _print_lines(board: Board) -> None:
    for line in plain_lines(board.lines()):
        print(line, flush=True)
