"""``obi doctor``: what is wrong on the way from settings to lag, and what to do about it."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from dataflows.settings import Settings
from obi.checks import all_checks
from obi.connecting import quiet_kafka
from obi.failures import NO
from obi.finding import Finding
from obi.options import BROKER, DECODING, JOB, MEASURING, TOPICS, with_settings

_STYLES = {"OK": "green", "warn": "yellow", "FAIL": "bold red"}


@with_settings(*BROKER, *TOPICS, *MEASURING, *DECODING, *JOB)
def doctor(settings: Settings) -> None:
    """Check settings, versions, broker, topics, recovery state, books and lag, and say what to do.

    Each line is OK, warn or FAIL. Exit code 1 if anything fails. Nothing is changed. With --metrics-addr of a running job
    it also tells whether its books agree with the exchange's snapshots and quotes.

    \b
    Examples:
      obi doctor
      obi doctor --bootstrap-servers kafka:9092 --state-dir /var/lib/obi
    """  # noqa: D301  (\b keeps typer from filling the lines)
    quiet_kafka()
    console = Console(highlight=False)
    failed = False
    for finding in all_checks(settings):
        failed = failed or finding.verdict == "FAIL"
        _print(console, finding)
    if failed:
        raise typer.Exit(NO)


def _print(console: Console, finding: Finding) -> None:
    line = Text.assemble(
        (f"{finding.verdict:<5}", _STYLES[finding.verdict]), (f"{finding.what:<17}", "bold"), finding.found
    )
    console.print(line, soft_wrap=True)
    for action in finding.do.splitlines():
        console.print(Text(f"{'':22}-> {action}"), soft_wrap=True)
