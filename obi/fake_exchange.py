"""``obi fake-exchange``: a Binance on this machine, to try a feed against; with faults on request."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from dataflows.execution import rare_collections
from fake_exchange import KINDS, VENUES, Fault, FaultError, Options, parse_fault, serving
from obi.recordings import read_speed

Recordings: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RECORDING...]", help="Play these. (default: a simulated market)", show_default=False),
]
VenueName: TypeAlias = Annotated[str, typer.Option(metavar="VENUE", help=f"One of {', '.join(VENUES)}.")]
Host: TypeAlias = Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")]
Port: TypeAlias = Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="0: a free one.")]
Symbols: TypeAlias = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Simulated instruments.")]
Tapes: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0,
        max=100,
        metavar="N",
        help="Above 0: simulate only so many, beforehand, and send them under all symbols (depth20, trade, aggTrade).",
    ),
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, metavar="N", help="Of the market and of random faults.")]
Seconds: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="S", help="Length of the simulated market. (default: for ever)", show_default=False),
]
Speed: TypeAlias = Annotated[str, typer.Option(metavar="N|max", help="Seconds a second; max: as fast as it is taken.")]
Loop: TypeAlias = Annotated[bool, typer.Option("--loop", help="Recordings begin again at their end, with later ids.")]
Settle: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.0, metavar="S", help="How long the tape rests before and after a recorded snapshot is answered."
    ),
]
RecordedOnly: TypeAlias = Annotated[
    bool, typer.Option("--recorded-only", help="Answer a depth request with the recorded snapshot, or with 503.")
]
WaitFor: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", help="Begin once so many streams were subscribed to.")
]
Faults: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="KIND[:SYMBOL][@SECOND][/SECONDS]",
        help=f"Something that goes wrong: {', '.join(KINDS)}.",
        show_default=False,
    ),
]
RandomFaults: TypeAlias = Annotated[int, typer.Option("--faults", min=0, metavar="N", help="So many faults at random.")]
Within: TypeAlias = Annotated[
    float, typer.Option("--faults-within", min=0.1, metavar="S", help="They are spread over so many seconds.")
]
Lifetime: TypeAlias = Annotated[float, typer.Option(min=1, metavar="S", help="Connections are closed at that age.")]
Sent: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Every frame that was sent, JSON lines.", show_default=False)
]
TruthFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="True best bid and ask at each depth message, JSON lines.", show_default=False),
]


def fake_exchange_command(
    *,
    recordings: Recordings = None,
    venue: VenueName = "binance-usdm",
    host: Host = "127.0.0.1",
    port: Port = 0,
    symbols: Symbols = 4,
    tapes: Tapes = 0,
    seed: Seed = 7,
    seconds: Seconds = None,
    speed: Speed = "1",
    loop: Loop = False,
    settle: Settle = 0.3,
    recorded_only: RecordedOnly = False,
    wait_for: WaitFor = 1,
    fault: Faults = None,
    faults: RandomFaults = 0,
    faults_within: Within = 60.0,
    lifetime: Lifetime = 86_400.0,
    sent: Sent = None,
    truth: TruthFile = None,
) -> None:
    """Serve a Binance on this machine: WebSocket, REST and control on one port, from a simulated market or recordings.

    Standard output tells the address, and the environment variables that lead a feed to it. The market begins once
    streams are subscribed to. GET /control/state tells all, /control/fault?spec=gap:BTCUSDT injects a fault now,
    /control/stop ends it, as Ctrl-C and SIGTERM do.

    \b
    Examples:
      obi fake-exchange --venue binance-usdm --symbols 4
      obi fake-exchange --venue binance-spot spot_btcusdt.gz --speed 10 --wait-for 3
      obi fake-exchange --fault gap:BTCUSDT@5 --faults 50 --faults-within 120
    """  # noqa: D301  (\b keeps typer from filling the lines)
    if venue not in VENUES:
        raise typer.BadParameter(f"expected one of {', '.join(VENUES)}, received {venue!r}", param_hint="--venue")
    options = Options(
        venue=venue, recordings=tuple(recordings or ()), symbols=symbols, tapes=tapes, seed=seed, seconds=seconds,
        speed=read_speed(speed), loop=loop, settle_s=settle, recorded_only=recorded_only, wait_for=wait_for,
        faults=_faults(fault or []), random_faults=faults, faults_within_s=faults_within, lifetime_s=lifetime,
        sent=sent, truth=truth,
    )  # fmt: skip
    with rare_collections():  # a pause of the exchange would look like one of the feed
        asyncio.run(_serve(options, host, port))


async def _serve(options: Options, host: str, port: int) -> None:
    async with serving(options, host, port) as served:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, served.ended.set)
        venue = options.venue.rpartition("-")[2].upper()
        print(f"fake exchange {options.venue} at {served.address}")
        print(f"export OBI_BINANCE_{venue}_WS_URL=ws://{served.address}")
        print(f"export OBI_BINANCE_{venue}_REST_URL=http://{served.address}", flush=True)
        await served.until_ended()


def _faults(texts: list[str]) -> tuple[Fault, ...]:
    found, problems = [], []
    for text in texts:
        try:
            found.append(parse_fault(text))
        except FaultError as error:  # noqa: PERF203  (all problems at once)
            problems.append(str(error))
    if problems:
        raise typer.BadParameter("; ".join(problems), param_hint="--fault")
    return tuple(found)
