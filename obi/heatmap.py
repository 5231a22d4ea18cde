"""``obi heatmap``: the order book of a recording, or of the raw topic, over time, as a picture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from connectors.decode import Decoder
from connectors.polled import raw_batch
from connectors.stretch import StretchReader
from consumers.board import is_named
from consumers.heatmap.book_reader import BookReader
from consumers.heatmap.grid import paint, trades
from consumers.heatmap.timeline import Timeline
from dataflows.replay.ranges import Wanted, find_ranges
from dataflows.settings import Settings, SettingsError
from obi.connecting import connect
from obi.extras import extra
from obi.options import BROKER, DECODING, with_settings
from obi.ranges import FromTime, ToTime, wanted_range
from obi.recordings import TrackedReader, Venue, open_recordings
from obi.screen import number, progress, stderr

if TYPE_CHECKING:
    from consumers.heatmap.picture import Picture

_LAST_MS: Final = 300_000
_WARM_UP_MS: Final = 660_000
"""Read before the range, for a snapshot that a full book begins with: feeds take one each ten minutes."""

_STEP_MS: Final = 50
_COLUMNS: Final = 2_000
_ROWS: Final = 400
_SHOWN_COLUMNS: Final = 1_200


Recordings: TypeAlias = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="Recordings, gzip or plain.", show_default=False)
]
Topic: TypeAlias = Annotated[bool, typer.Option("--topic", help="Of the raw topic, not of recordings.")]
Out: TypeAlias = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="The picture: .png, .svg or .pdf.", show_default=False)
]
Symbol: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="S", help="BTCUSDT, or binance-usdm:BTCUSDT. (default: the only one there is)", show_default=False
    ),
]


@with_settings(*BROKER, "raw_topic", *DECODING)
def heatmap(
    *,
    settings: Settings,
    files: Recordings = None,
    topic: Topic = False,
    out: Out,
    symbol: Symbol = None,
    venue: Venue = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    levels: Annotated[int, typer.Option(min=1, max=5000, metavar="N", help="Levels of each side to show.")] = 200,
    theme: Annotated[str, typer.Option(metavar="WORD", help="light or dark.")] = "light",
    width: Annotated[int, typer.Option(min=300, max=10_000, metavar="PIXELS")] = 1280,
    height: Annotated[int, typer.Option(min=200, max=10_000, metavar="PIXELS")] = 720,
) -> None:
    """Draw an order book over time: colour is the quantity that rested at a price, lines are the best bid and ask.

    Triangles are trades: up where buyers took, down where sellers took, larger for more. Where the book was not known
    (it waited for a snapshot, or no message came for 5 s) the picture has a hole. The book is kept by the same code as
    the job's, from recordings, or with --topic from the raw topic (its last 5 minutes if no time is said).

    \b
    Examples:
      obi heatmap usdm_btcusdt_20240808.gz -o book.png
      obi heatmap spot_4symbols.gz --symbol ETHUSDT --theme dark -o eth.svg
      obi heatmap --topic --symbol binance-usdm:BTCUSDT -o now.png
    """  # noqa: D301  (\b keeps typer from filling the lines)
    with extra("heatmap"):
        from consumers.heatmap.picture import draw  # noqa: PLC0415  (its library is an extra)
    wanted = _checked(files or [], out, theme, from_time, to_time, topic=topic)
    decoder = Decoder(
        default_venue=settings.default_venue,
        bare_depth=settings.bare_depth,
        depth_levels=levels,
        max_levels=settings.max_levels,
        max_message_bytes=settings.max_message_bytes,
    )
    new = partial(_timeline, wanted, by_clock=not topic)
    books = BookReader(
        decoder, levels=levels, timeline=new, wanted=None if symbol is None else partial(is_named, symbol)
    )
    if topic:
        _read_topic(settings, wanted, books)
    else:
        told = None if symbol is None else symbol.rpartition(":")[2]
        _read_files(open_recordings(files or [], venue=venue, symbol=told, default_venue=settings.default_venue), books)
    picture = _picture(books, symbol, settings.raw_topic if topic else ", ".join(path.name for path in files or []))
    draw(picture, out, theme="dark" if theme == "dark" else "light", width=width, height=height)
    stderr().print(f"{picture.title} in {out}", soft_wrap=True)


def _checked(
    files: Sequence[Path], out: Path, theme: str, from_time: str | None, to_time: str | None, *, topic: bool
) -> Wanted:
    """The range; all that is wrong with what was typed in one error."""
    from consumers.heatmap.picture import FORMATS  # noqa: PLC0415  (its library is an extra)

    problems: list[str] = []
    wanted = wanted_range(
        problems, partition=None, from_offset=None, to_offset=None, from_time=from_time, to_time=to_time
    )
    problems += wanted.problems()
    if topic == bool(files):
        problems.append(f"expected recordings or --topic, received {'both' if topic else 'neither'}")
    if out.suffix.lower() not in FORMATS:
        problems.append(f"--out: expected a name that ends in {', '.join(FORMATS)}, received {out}")
    if theme not in {"light", "dark"}:
        problems.append(f"--theme: expected light or dark, received {theme!r}")
    if problems:
        raise SettingsError(problems)
    return wanted


def _timeline(wanted: Wanted, *, by_clock: bool) -> Timeline:
    timeline = Timeline(step_ms=_STEP_MS, most=_COLUMNS, rolling=False)
    if by_clock:
        timeline.begin_ms = wanted.from_time_ms or 0
        timeline.end_ms = wanted.to_time_ms
    return timeline


def _read_files(readers: Sequence[TrackedReader], books: BookReader) -> None:
    total = sum(reader.size for reader in readers) or None
    before, messages = 0, 0
    with progress("reading", total) as advance:
        for reader in readers:
            for raw in reader.batches():
                books.take(raw)
                messages += len(raw)
                advance(before + reader.position, f"{number(messages)} messages")
            before += reader.size


def _read_topic(settings: Settings, wanted: Wanted, books: BookReader) -> None:
    """First what comes before the range, for the books alone; then the range."""
    broker = connect(settings)
    if wanted.from_time_ms is None:
        end_ms = time.time_ns() // 1_000_000 if wanted.to_time_ms is None else wanted.to_time_ms
        wanted = replace(wanted, from_time_ms=end_ms - _LAST_MS)
    assert wanted.from_time_ms is not None
    ranges = find_ranges(broker, settings.raw_topic, wanted)
    earlier = {}
    for part in ranges:
        with closing(StretchReader(broker, settings.raw_topic, part.partition)) as reader:
            at = reader.offset_at(wanted.from_time_ms - _WARM_UP_MS)
            earlier[part.partition] = max(part.first, part.begin if at is None else at)
    total = sum(part.end - earlier[part.partition] for part in ranges)
    done = 0
    with progress("reading", total) as advance:
        stretches = [(part.partition, earlier[part.partition], part.begin) for part in ranges]
        for is_wanted in (False, True):
            if is_wanted:
                books.forget_columns()
                stretches = [(part.partition, part.begin, part.end) for part in ranges]
            for partition, begin, end in stretches:
                with closing(StretchReader(broker, settings.raw_topic, partition)) as reader:
                    for messages in reader.read(begin, end):
                        books.take(raw_batch(settings.raw_topic, messages))
                        done += len(messages)
                        advance(done, f"{number(done)} messages")


def _picture(books: BookReader, symbol: str | None, source: str) -> Picture:
    """The picture of the one instrument."""
    from consumers.heatmap.picture import Picture  # noqa: PLC0415  (its library is an extra)

    found = books.instruments()
    if len(found) != 1:
        heard = ", ".join(sorted(books.heard)) or "none"
        expected = f"expected depth messages of {symbol}" if symbol and not found else "expected one instrument"
        raise SettingsError([f"--symbol: {expected} in {source}; received messages of {heard}"])
    timeline = books.timeline(found[0])
    assert timeline is not None
    columns = timeline.columns()
    begin_ms, end_ms = columns[0].start_ms, columns[-1].start_ms + timeline.step_ms
    grid = paint(timeline, begin_ms=begin_ms, end_ms=end_ms, most_rows=_ROWS, most_columns=_SHOWN_COLUMNS)
    if grid is None:
        raise SettingsError(
            [f"expected a book of {found[0]} in {source}, received none that is known: its differences had no snapshot"]
        )
    bought, sold = trades(timeline.prints(grid.begin_ms), timeline.step_ms)
    return Picture(grid, bought, sold, found[0], source)
