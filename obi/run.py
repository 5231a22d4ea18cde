"""``obi run``: the job."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from dataflows import runner
from dataflows.settings import Settings
from obi.options import BROKER, DECODING, JOB, MEASURING, TOPICS, with_settings
from obi.screen import conservation, number, stderr


@with_settings(*BROKER, *TOPICS, *MEASURING, *DECODING, *JOB)
def run(
    *,
    settings: Settings,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the offsets that are the end of the raw topic now.")
    ] = False,
) -> None:
    """Run the job: raw messages become metric records, until it is told to stop.

    It starts where it stopped (see --state-dir), at first at the earliest raw offset (see --from). Ctrl-C and SIGTERM
    end it cleanly, with exit code 0; the next start goes on with the next message.

    \b
    Examples:
      obi run
      obi run --until-end --state-dir ./state
      obi run --preset hft --metrics-addr 127.0.0.1:9108
    """  # noqa: D301  (\b keeps typer from filling the lines)
    summary = runner.run(settings, until_end=until_end)
    console = stderr()
    console.print(
        conservation(summary.messages, summary.records, Counter(summary.faults), Counter(summary.ignored)),
        soft_wrap=True,
    )
    rate = summary.messages / max(summary.elapsed_s, 1e-9)
    console.print(f"{summary.elapsed_s:.1f} s, {number(rate)} msg/s", soft_wrap=True)
