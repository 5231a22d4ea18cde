"""``obi run``: the job, as one process, as one of several, or as several that are looked after."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import nullcontext
from typing import Annotated, TypeAlias

import typer

from dataflows import runner
from dataflows.generations import Choice
from dataflows.settings import Settings, SettingsError
from dataflows.shards import Shard, parse_shard
from dataflows.supervision.lifeline import lifeline_held
from obi.failures import ARGUMENTS
from obi.options import BROKER, DECODING, JOB, MEASURING, TOPICS, with_settings
from obi.screen import conservation, number, stderr
from obi.shards import SHARDS_MOST, run_shards

_SHARDS = "Shards: several processes share the partitions"
_BEGIN = "Where a run begins and ends"

OneShard: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", rich_help_panel=_SHARDS, show_default=False,
        help="Run only shard I of N (I from 0): the partitions I, I+N, I+2N and so on. The state belongs to this N.",
    ),
]  # fmt: skip
AllShards: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--shards", metavar="N", min=1, max=SHARDS_MOST, rich_help_panel=_SHARDS, show_default=False,
        help="Run all N shards here, a process each, and look after them: one that crashes is started again. "
        "With --metrics-addr shard I listens on port + I.",
    ),
]  # fmt: skip
UntilEnd: TypeAlias = Annotated[
    bool,
    typer.Option("--until-end", metavar="", rich_help_panel=_BEGIN, help="Stop at the offsets that are the end of the raw topic now."),
]  # fmt: skip
Resume: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume-from-output", metavar="", rich_help_panel=_BEGIN,
        help="The state folder is empty, the metrics topic is not: rebuild the state from the topics. Nothing is lost.",
    ),
]  # fmt: skip
New: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--new-generation", metavar="", rich_help_panel=_BEGIN,
        help="The state folder is empty, the metrics topic is not: begin again with seq 1, behind what is there.",
    ),
]  # fmt: skip
AcceptLoss: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--accept-loss", metavar="", rich_help_panel=_BEGIN,
        help="Raw messages were deleted before they were read: go on with the first that is there; a fault tells what is gone.",
    ),
]  # fmt: skip
Supervised: TypeAlias = Annotated[bool, typer.Option("--supervised", hidden=True)]


@with_settings(*BROKER, *TOPICS, *MEASURING, *DECODING, *JOB)
def run(
    ctx: typer.Context,
    *,
    settings: Settings,
    shard: OneShard = None,
    shards: AllShards = None,
    until_end: UntilEnd = False,
    resume_from_output: Resume = False,
    new_generation: New = False,
    accept_loss: AcceptLoss = False,
    supervised: Supervised = False,
) -> None:
    """Run the job: raw messages become metric records, until it is told to stop.

    It starts where it stopped (see --state-dir), at first at the earliest raw offset (see --from). Ctrl-C and SIGTERM
    end it cleanly, with exit code 0; the next start goes on with the next message.

    \b
    Examples:
      obi run
      obi run --until-end --state-dir ./state
      obi run --preset hft --metrics-addr 127.0.0.1:9108
      obi run --shards 4        all four shards, on this machine
      obi run --shard 0/4       one of four, which run anywhere
    """  # noqa: D301  (\b keeps typer from filling the lines)
    chosen, choice = _checked(shard, shards, resume=resume_from_output, new=new_generation)
    if shards is not None:
        run_shards(settings, shards, ctx.meta[ARGUMENTS], until_end=until_end)
        return
    stop = threading.Event()
    with lifeline_held(stop) if supervised else nullcontext():
        summary = runner.run(
            settings, shard=chosen, until_end=until_end, choice=choice, accept_loss=accept_loss, stop=stop
        )
    _print(summary)


def _checked(shard: str | None, shards: int | None, *, resume: bool, new: bool) -> tuple[Shard, Choice | None]:
    """The shard and the choice; all that is wrong at once."""
    problems = []
    chosen = Shard()
    if shard is not None and shards is not None:
        problems.append("--shard, --shards: expected one of them, received both; --shards runs all of them here")
    if resume and new:
        problems.append("--resume-from-output, --new-generation: expected one of them, received both")
    try:
        chosen = Shard() if shard is None else parse_shard(shard)
    except ValueError as error:
        problems.append(f"--shard: {error}")
    if problems:
        raise SettingsError(problems)
    return chosen, "resume" if resume else "new" if new else None


def _print(summary: runner.RunSummary) -> None:
    console = stderr()
    console.print(
        conservation(summary.messages, summary.records, Counter(summary.faults), Counter(summary.ignored)),
        soft_wrap=True,
    )
    rate = summary.messages / max(summary.elapsed_s, 1e-9)
    console.print(f"{summary.elapsed_s:.1f} s, {number(rate)} msg/s", soft_wrap=True)
