"""The demo's end: what the topics say, and whether it agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Final

from rich.console import Console
from rich.text import Text

from consumers.auditor import Auditor
from consumers.feeding import Feeding
from dataflows.settings import Settings
from obi.demo_view import clock
from obi.screen import number

_NAME: Final = 24
"""Columns of a figure's name; with it a line of six-digit counts fits 80."""


class Verdict(Enum):
    """How the demo ended."""

    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "failed"


def print_summary(
    console: Console, auditor: Auditor, feeding: Feeding, settings: Settings, *, complete: bool, interrupted: bool
) -> Verdict:
    """Print the summary; the verdict is right if every message has one fate and every comparison is equal."""
    auditor.audits.finish()
    console.print(Text("\nRead back from the topics" + (", up to the interruption" if interrupted else ""), "bold"))
    for name, value, note in _figures(auditor, feeding, settings):
        console.print(Text.assemble(f"{name:<{_NAME}}", value, "  ", (note, "dim")))
    problems = _problems(auditor, complete=complete)
    for problem in problems:
        console.print(Text(problem, "bold red"))
    if not problems:
        console.print(Text("Every message has exactly one fate, and every figure agrees.", "green"))
    return Verdict.WRONG if problems else Verdict.RIGHT


def _figures(auditor: Auditor, feeding: Feeding, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(what, figure, note) of each line."""
    ledger, audits = auditor.ledger, auditor.audits
    seconds = auditor.last - auditor.first if auditor.first is not None else 0.0
    yield "messages in", number(ledger.messages), settings.raw_topic
    yield "records out", number(ledger.records), settings.metrics_topic
    yield "faults", number(ledger.faults.total()), _by_reason(ledger.faults) or settings.faults_topic
    yield "ignored", number(ledger.ignored.total()), _by_reason(ledger.ignored)
    pace = f"{clock(feeding.recorded_s)} of market in {max(seconds, 0.0):.1f} s"
    yield "rate", f"{number(ledger.messages / seconds)} msg/s" if seconds > 0 else "-", pace
    yield "bid/ask = bookTicker", _equal(audits.quotes), "best price and quantity, both sides"
    yield "trade_delta = trades", _equal(audits.trades), "signed aggressor volume"
    for instrument, audit in audits:
        if audit.last_record is not None:
            yield f"  {instrument}", f"{_equal(audit.quotes)} and {_equal(audit.trades)}", _not_compared(audit.skipped)


def _equal(counts: Counter[str]) -> str:
    return f"{number(counts['equal'])}/{number(counts.total())}"


def _not_compared(skipped: Counter[str]) -> str:
    return f"({', '.join(f'{count} {name}' for name, count in skipped.most_common())})" if skipped else ""


def _by_reason(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number(count)}" for name, count in counts.most_common())


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
