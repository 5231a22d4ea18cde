"""``obi measure``: the records of recordings, without a broker, and how they agree with the exchange's own quotes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Annotated, Any, TypeAlias

import typer

from connectors.encode_faults import fault_line
from connectors.raw import RawBatch
from consumers.audits import Audits
from dataflows.batches import measure_batches
from dataflows.counts import Counts
from dataflows.job import pipeline_of
from dataflows.settings import Settings
from obi.options import DECODING, MEASURING, with_settings
from obi.recordings import Files, TrackedReader, Venue, open_recordings
from obi.screen import conservation, number, progress, stderr

Symbol: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="S",
        show_default=False,
        help="Of messages that tell none, as a bare REST snapshot. (default: the name, else the first stream line)",
    ),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE|-", help="Records as JSON lines; - is stdout.", show_default=False),
]
FaultsFile: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Messages that can't be used, as JSON lines.", show_default=False)
]


@with_settings(*MEASURING, *DECODING)
def measure(
    *,
    files: Files,
    settings: Settings,
    venue: Venue = None,
    symbol: Symbol = None,
    out: Out = None,
    faults: FaultsFile = None,
) -> None:
    """Measure recordings without a broker: the same records as the job's.

    Several files are one run: what is remembered is carried from one to the next. At the end standard error tells how
    the messages add up, and how many best bids and asks equal the exchange's own bookTicker, trade_delta its trades.

    \b
    Examples:
      obi measure usdm_btcusdt_20240808.gz -o records.jsonl --faults faults.jsonl
      obi measure recording.gz --venue binance-usdm --depth-levels 10 -o - | head -1
    """  # noqa: D301  (\b keeps typer from filling the lines)
    pipeline = pipeline_of(settings, Counts())
    audits = Audits(settings.delta_volume_window)
    readers = open_recordings(files, venue=venue, symbol=symbol, default_venue=settings.default_venue)
    total = sum(reader.size for reader in readers) or None
    with _sink(out) as records_out, _sink(faults) as faults_out, progress("measuring", total) as advance:
        for result in measure_batches(pipeline, _watched(readers, audits, pipeline.counts, advance)):
            audits.records(result.records)
            _write(records_out, result.records)
            _write(faults_out, [fault_line(fault) for fault in result.faults])
    _summarise(pipeline.counts, audits)


def _watched(readers: list[TrackedReader], audits: Audits, counts: Counts, advance: Any) -> Iterator[RawBatch]:
    """The batches of all files; each is shown to the auditor before it is measured."""
    before = 0
    for number_of_file, reader in enumerate(readers):
        for batch in reader.batches():
            audits.raw(batch, generation=number_of_file)
            yield batch
            advance(before + reader.position, f"{number(counts.messages)} messages")
        before += reader.size


def _sink(path: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    if path is None:
        return nullcontext()
    return nullcontext(sys.stdout.buffer) if str(path) == "-" else path.open("wb")


def _write(file: IO[bytes] | None, lines: list[bytes]) -> None:
    if file is not None and lines:
        file.write(b"\n".join(lines) + b"\n")


def _summarise(counts: Counts, audits: Audits) -> None:
    console = stderr()
    console.print(conservation(counts.messages, counts.records, counts.faults, counts.ignored), soft_wrap=True)
    if counts.notices:
        notices = ", ".join(f"{name} {number(count)}" for name, count in sorted(counts.notices.items()))
        console.print(f"notices  {notices}", soft_wrap=True)
    console.print(_speed(counts), soft_wrap=True)
    audits.finish()
    for line in audits.lines():
        console.print(line, soft_wrap=True, markup=False)


def _speed(counts: Counts) -> str:
    """Messages a second of the job's own work, and its parts; reading files and comparing with quotes are not counted."""
    total_s = sum(counts.seconds.values())
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in counts.seconds.items())
    return f"speed  {number(counts.messages / max(total_s, 1e-9))} messages/s ({parts})"
