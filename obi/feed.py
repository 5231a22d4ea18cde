"""``obi feed``: raw messages into the raw topic, from recordings; live feeds are in ``obi.feed_live``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, TypeAlias

import typer

from connectors.binance.venue import VENUES
from connectors.derive_depth import derive_depth20
from connectors.feed_recording import Pace, looped, merged
from connectors.raw_topic import Message, RawTopicWriter
from dataflows.settings import Settings
from obi.connecting import connect
from obi.failures import CommandGroup
from obi.feed_live import live_command
from obi.options import BROKER, with_settings
from obi.recordings import Files, TrackedReader, Venue, open_recordings, read_speed
from obi.screen import Advance, number, progress, stderr
from obi.signals import ended_like_ctrl_c

feed_app = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Feed raw messages into the raw topic.")


Speed: TypeAlias = Annotated[
    str, typer.Option(metavar="N|max", help="Recorded seconds per second; max: as fast as Kafka takes it.")
]
Loop: TypeAlias = Annotated[
    bool, typer.Option("--loop", help="Begin again at the end, for ever, with clocks that go on (ids start again).")
]
Derive: TypeAlias = Annotated[
    bool,
    typer.Option("--derive-depth20", help="Rebuild the books; send the best 20 levels in the place of differences."),
]


@feed_app.callback()
def _group() -> None:
    """Feed raw messages into the raw topic, from an exchange or from a recording."""


for _name, _venue in VENUES.items():
    feed_app.command(_name)(live_command(_venue))


@feed_app.command()
@with_settings(*BROKER, "raw_topic", "default_venue")
def recording(
    *,
    files: Files,
    settings: Settings,
    speed: Speed = "1",
    loop: Loop = False,
    derive: Derive = False,
    venue: Venue = None,
) -> None:
    """Feed recordings into the raw topic, merged by receive time.

    Key: venue:SYMBOL. Partition: CRC-32 of the key modulo the number of partitions, one an instrument. Header recv_ns:
    when it was received. Every message is acknowledged; a slow broker slows the feed down, nothing is dropped. Ctrl-C and
    SIGTERM end it with exit code 0, once what was sent is acknowledged.

    \b
    Examples:
      obi feed recording spot_btcusdt.gz usdm_btcusdt.gz --speed 10
      obi feed recording sim.gz --speed max --derive-depth20
    """  # noqa: D301  (\b keeps typer from filling the lines)
    readers = open_recordings(files, venue=venue, symbol=None, default_venue=settings.default_venue)
    pace = Pace(read_speed(speed))
    writer = RawTopicWriter(connect(settings), settings.raw_topic)

    def messages() -> Iterable[Message]:
        return derive_depth20(merged(readers)) if derive else merged(readers)

    start = time.monotonic()
    total = None if loop else sum(reader.size for reader in readers) or None
    with progress("feeding", total) as advance, ended_like_ctrl_c():
        # A signal is the usual end of a loop; what was handed over is still acknowledged below.
        with suppress(KeyboardInterrupt):
            _feed(looped(messages) if loop else messages(), pace, writer, readers, advance)
        writer.close()
    seconds = time.monotonic() - start
    stderr().print(
        f"{number(writer.acknowledged)} messages acknowledged by {settings.raw_topic} in {seconds:.1f} s"
        f" ({number(writer.acknowledged / max(seconds, 1e-9))} msg/s)",
        soft_wrap=True,
    )


def _feed(
    messages: Iterable[Message], pace: Pace, writer: RawTopicWriter, readers: Sequence[TrackedReader], advance: Advance
) -> None:
    for message in messages:
        pace.wait(message.recv_ns)
        writer.write(message)
        advance(sum(reader.position for reader in readers), f"{number(writer.acknowledged)} messages")
