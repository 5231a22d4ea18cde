"""``obi topics``: the topics of the job, made alike and described."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from connectors.topics import RETENTION_MS, TopicFacts, create_line, create_topics, describe_topics
from dataflows.job import topic_names
from dataflows.settings import Settings
from obi.connecting import connect
from obi.failures import NO, CommandGroup
from obi.options import BROKER, TOPICS, with_settings
from obi.screen import number

topics_app = typer.Typer(cls=CommandGroup, no_args_is_help=True)

_HOUR_MS = 3_600_000


@topics_app.callback()
def _group() -> None:
    """Make the job's topics alike, or describe them."""


@topics_app.command()
@with_settings(*BROKER, *TOPICS)
def create(
    *,
    settings: Settings,
    partitions: Annotated[int, typer.Option(min=1, metavar="N", help="Of each topic; an instrument lives in one.")] = 4,
    replication_factor: Annotated[
        int, typer.Option(min=1, metavar="N", help="Copies; at most the number of brokers.")
    ] = 1,
    retention_hours: Annotated[
        float, typer.Option(min=0.1, metavar="H", help="Of raw messages and records; faults 30 days at least.")
    ] = RETENTION_MS / _HOUR_MS,
) -> None:
    """Make the raw, metrics, faults and checkpoints topics with equal partition counts; those that are there stay.

    The raw topic is made with message.timestamp.type=LogAppendTime: with the producer's time, a recording of last year
    would fall to the retention within minutes.

    \b
    Examples:
      obi topics create --partitions 4
      obi topics create --partitions 12 --replication-factor 3 --bootstrap-servers kafka:9092
    """  # noqa: D301  (\b keeps typer from filling the lines)
    made = create_topics(
        connect(settings),
        topic_names(settings),
        partitions=partitions,
        replication_factor=replication_factor,
        retention_ms=round(retention_hours * _HOUR_MS),
    )
    for topic in made:
        print(f"{topic.topic}: {'created' if topic.created else 'was there'}, {topic.partitions} partitions")
        for remark in topic.remarks:
            print(f"  note: {remark}")


@topics_app.command()
@with_settings(*BROKER, *TOPICS)
def describe(settings: Settings) -> None:
    """Show partitions, offsets and settings of the topics; exit code 1 if one is missing.

    \b
    Example:
      obi topics describe --bootstrap-servers kafka:9092
    """  # noqa: D301  (\b keeps typer from filling the lines)
    broker = connect(settings)
    facts = describe_topics(broker, topic_names(settings))
    console = Console(highlight=False)
    for topic in facts:
        _describe(console, topic)
    if not all(topic.exists for topic in facts):
        console.print(f"create what is missing with: {create_line(broker, topic_names(settings))}", soft_wrap=True)
        raise typer.Exit(NO)


def _describe(console: Console, topic: TopicFacts) -> None:
    if not topic.exists:
        console.print(f"[bold]{topic.topic}[/]: missing")
        return
    console.print(f"[bold]{topic.topic}[/]: {len(topic.offsets)} partitions")
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("partition", "first offset", "end offset", "messages"):
        table.add_column(name, justify="right")
    for partition, (first, end) in sorted(topic.offsets.items()):
        table.add_row(str(partition), str(first), str(end), number(end - first))
    console.print(table)
    for key, value in sorted(topic.config.items()):
        console.print(f"  {key}={value}", markup=False)
