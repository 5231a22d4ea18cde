"""The demo's end: what the topics say, and whether it agrees."""

from __future__ import annotations

from enum import Enum

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumers.auditor import Auditor
from consumers.feeding import Feeding
from dataflows.settings import Settings
from obi.demo_view import clock
from obi.screen import number, reasons


class Verdict(Enum):
    """How the demo ended."""

    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "failed"


def print_summary(
    console: Console, auditor: Auditor, feeding: Feeding, settings: Settings, *, complete: bool, interrupted: bool
) -> Verdict:
    """Print the summary; the verdict is right if every message has one fate and every comparison is equal."""
    ledger, audits = auditor.ledger, auditor.audits
    audits.finish()
    seconds = max(auditor.last - auditor.first, 1e-9) if auditor.first is not None and auditor.last else 1e-9
    quotes, trades = audits.quotes, audits.trades
    lines = Table.grid(padding=(0, 2))
    for name, value, note in (
        ("messages in", number(ledger.messages), settings.raw_topic),
        ("records out", number(ledger.records), settings.metrics_topic),
        ("faults", reasons(ledger.faults), settings.faults_topic),
        ("ignored", reasons(ledger.ignored), ""),
        (
            "rate",
            f"{number(ledger.messages / seconds)} msg/s",
            f"{clock(feeding.recorded_s)} of market in {seconds:.1f} s",
        ),
        ("best bid and ask = bookTicker", f"{number(quotes['equal'])}/{number(quotes.total())}", "price and quantity"),
        ("trade_delta = trades", f"{number(trades['equal'])}/{number(trades.total())}", ""),
    ):
        lines.add_row(name, value, Text(note, "dim"))
    console.print(Text("\nRead back from the topics" + (", up to the interruption" if interrupted else ""), "bold"))
    console.print(lines)
    for instrument, audit in audits:
        if audit.last_record is not None:
            console.print(
                f"  {instrument}  {number(audit.quotes['equal'])}/{number(audit.quotes.total())} quotes"
                f"  {number(audit.trades['equal'])}/{number(audit.trades.total())} trade sums",
                style="dim",
            )
    problems = _problems(auditor, complete=complete)
    for problem in problems:
        console.print(Text(problem, "bold red"))
    if not problems:
        console.print(
            Text("Every message is a record, a fault or ignored for a reason, and every figure agrees.", "green")
        )
    return Verdict.WRONG if problems else Verdict.RIGHT


def _problems(auditor: Auditor, *, complete: bool) -> list[str]:
    ledger, audits = auditor.ledger, auditor.audits
    problems = []
    if ledger.awaited:
        problems.append(f"{number(ledger.awaited)} messages have neither record nor fault")
    if ledger.duplicates:
        problems.append(f"{number(ledger.duplicates)} messages were answered twice")
    if ledger.unread or not complete:
        problems.append(
            f"{number(ledger.unread)} messages were gone, or not there, when they were to be read:"
            " the figures are not complete"
        )
    if not ledger.records:
        problems.append("there is not a single record")
    problems += [f"{instrument}: {difference}" for instrument, audit in audits for difference in audit.differences]
    return problems
