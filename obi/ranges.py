"""Ranges of a topic as commands take them: a partition, offsets, times.

Owns their options, and the way from what was typed to ``Wanted``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import typer

from dataflows.replay.ranges import Wanted, parse_time_ms

RANGE_PANEL: Final = "Which messages"


def option(*names: str, panel: str | None = None, **more: Any) -> Any:
    """An option whose default is told in its help."""
    return typer.Option(*names, show_default=False, rich_help_panel=panel, **more)


Partition: TypeAlias = Annotated[
    int | None, option(min=0, metavar="P", panel=RANGE_PANEL, help="Of the topic. (default: all of them)")
]
FromOffset: TypeAlias = Annotated[
    int | None,
    option(min=0, metavar="A", panel=RANGE_PANEL, help="First offset; with --partition. (default: the first there is)"),
]
ToOffset: TypeAlias = Annotated[
    int | None,
    option(min=0, metavar="B", panel=RANGE_PANEL, help="Last offset; with --partition. (default: the last there is)"),
]
FromTime: TypeAlias = Annotated[
    str | None,
    option(
        metavar="T",
        panel=RANGE_PANEL,
        help="From the first message with this Kafka timestamp or a later one: ISO 8601 (UTC if it does not say), or ms since 1970.",
    ),
]
ToTime: TypeAlias = Annotated[
    str | None, option(metavar="T", panel=RANGE_PANEL, help="To before the first message with a later one.")
]


def wanted_range(
    problems: list[str],
    *,
    partition: int | None,
    from_offset: int | None,
    to_offset: int | None,
    from_time: str | None,
    to_time: str | None,
) -> Wanted:
    """What was typed; a time that is none joins ``problems``."""
    return Wanted(
        partition,
        from_offset,
        to_offset,
        _time(problems, "--from-time", from_time),
        _time(problems, "--to-time", to_time),
    )


def _time(problems: list[str], name: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_time_ms(text)
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return None
