"""``obi simulate``: a recording of the simulated market, with the truth beside it on request."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Final, TypeAlias

import orjson
import typer

from connectors.recordings import write_recording
from obi.screen import number, progress, stderr
from simulator import Event, Instrument, simulate
from simulator.instrument import VENUE_STREAMS
from simulator.presets import instruments_of

_VENUES: Final = {"spot": "binance-spot", "usdm": "binance-usdm", "coinm": "binance-coinm"}
_NS: Final = 1_000_000_000


Out: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="FILE|-", help="The recording; gzip if its name ends in .gz.", show_default=False
    ),
]
Symbols: TypeAlias = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many instruments.")]
Seconds: TypeAlias = Annotated[float, typer.Option(min=0.001, metavar="S", help="Simulated time, in seconds.")]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, metavar="N", help="Equal seeds give equal files.")]
SimulatedVenue: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="VENUE",
        help=f"{', '.join(VENUE_STREAMS)}. (default: told by the name, spot_ usdm_ coinm_, else binance-spot)",
        show_default=False,
    ),
]
Streams: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        show_default=False,
        help="Streams of every instrument, e.g. depth@100ms,snapshot,trade,bookTicker. (default: a mix)",
    ),
]
TruthFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="True top 20 levels and trades at each depth message, JSON lines; offset is the recording's line.",
    ),
]


def simulate_command(
    *,
    out: Out,
    symbols: Symbols = 4,
    seconds: Seconds = 60,
    seed: Seed = 7,
    venue: SimulatedVenue = None,
    streams: Streams = None,
    truth: TruthFile = None,
) -> None:
    """Write a recording of the simulated market, in the exchange's own message shapes.

    Equal arguments give an equal file on every machine. One recording is of one venue; feed several at once for more.

    \b
    Examples:
      obi simulate --symbols 4 --seconds 60 --seed 7 -o sim.gz
      obi simulate --streams depth20@100ms,trade -o usdm_sim.gz --truth usdm_truth.jsonl
    """  # noqa: D301  (\b keeps typer from filling the lines)
    instruments = _instruments(_venue(venue, out), symbols, streams)
    with truth.open("wb") if truth else nullcontext() as truths, progress("simulating", seconds) as advance:
        start: list[int] = []

        def messages() -> Iterator[tuple[int, bytes]]:
            for offset, event in enumerate(simulate(instruments, seconds=seconds, seed=seed)):
                start[:] = start or [event.recv_ns]
                if truths is not None and event.truth is not None:
                    truths.write(_truth_line(offset, event))
                if offset % 500 == 0:
                    advance((event.recv_ns - start[0]) / _NS, f"{number(offset)} messages")
                yield event.recv_ns, event.payload

        count = _write(out, messages())
    stderr().print(f"{number(count)} messages of {len(instruments)} instruments in {out}")


def _venue(venue: str | None, out: Path) -> str:
    told = venue or _VENUES.get(out.name.partition("_")[0].lower(), "binance-spot")
    if told not in VENUE_STREAMS:
        raise typer.BadParameter(f"expected one of {', '.join(VENUE_STREAMS)}, received {told!r}", param_hint="--venue")
    return told


def _instruments(venue: str, count: int, streams: str | None) -> list[Instrument]:
    """The first ``count`` of the default instruments that the venue lists, with other streams if they are said."""
    chosen = instruments_of(venue, count)
    if streams is None:
        return chosen
    try:
        names = tuple(name.strip() for name in streams.split(","))
        return [replace(instrument, streams=names) for instrument in chosen]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--streams") from None


def _write(out: Path, messages: Iterable[tuple[int, bytes]]) -> int:
    if str(out) != "-":
        return write_recording(out, messages)
    count = 0
    stdout: IO[bytes] = sys.stdout.buffer
    for received, value in messages:
        stdout.write(b"%d %b\n" % (received, value))
        count += 1
    stdout.flush()
    return count


def _truth_line(offset: int, event: Event) -> bytes:
    truth = event.truth
    assert truth is not None
    line = {"offset": offset, "venue": event.venue, "symbol": event.symbol, "stream": event.stream}
    return orjson.dumps({**line, **truth._asdict()}) + b"\n"
