"""``obi feed binance-spot|binance-usdm|binance-coinm``: an exchange's messages into the raw topic, as they come."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

import structlog
import typer

from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions, stream_problems
from connectors.binance.polling import polling_problem
from connectors.binance.venue import Venue
from connectors.live.feed import LiveFeed
from connectors.live.outflow import Outflow
from connectors.live.rest import Rest
from connectors.live.roster import Roster, RosterError
from connectors.live.symbols_file import SymbolsFile, parse_symbols
from connectors.raw_topic import LIVE, RawTopicWriter
from dataflows.endpoint import served
from dataflows.execution import rare_collections
from dataflows.settings import Settings, SettingsError
from obi.connecting import connect
from obi.feed_monitor import FeedMonitor
from obi.feed_view import FeedView
from obi.options import BROKER, FEED, with_settings
from obi.screen import stderr

_HELP: Final = """Feed the messages of {name} into the raw topic, as they come.

    Which symbols: named here, in a file that is watched (--symbols-file), the busiest ones (--top), or all three. Key:
    {name}:SYMBOL; one partition an instrument; header recv_ns: when it was received. The bytes are those of the
    exchange. Kafka acknowledges every message; while it has no room, reading waits, nothing is dropped.

    Streams of differences (depth, depth@100ms) get REST snapshots in the same partition: at the start, after a gap, and
    every --audit-interval. Ctrl-C and SIGTERM end it within 5 s, with exit code 0, once all is acknowledged; SIGHUP reads
    the symbols file again. {ws_env} and {rest_env} name another address.

    \b
    Examples:
      obi feed {name} {symbol} {other}
      obi feed {name} {symbol} --streams depth@100ms,aggTrade,bookTicker
      obi feed {name} --top 50 --metrics-addr 127.0.0.1:9109
      obi feed {name} {symbol} --rest 1s
    """

_EXAMPLES: Final = {"binance-coinm": ("BTCUSD_PERP", "ETHUSD_PERP")}

T = TypeVar("T")


def live_command(venue: Venue) -> Callable[..., None]:
    """The command that feeds from ``venue``."""

    def command(
        *,
        settings: Settings,
        symbols: Annotated[
            list[str] | None,
            typer.Argument(metavar="SYMBOL", help="As the exchange names them.", show_default=False),
        ] = None,
    ) -> None:
        _feed(_plan(venue, settings, symbols or ()), settings)

    symbol, other = _EXAMPLES.get(venue.name, ("BTCUSDT", "ETHUSDT"))
    command.__doc__ = _HELP.format(
        name=venue.name, symbol=symbol, other=other, ws_env=_variable(venue, "WS"), rest_env=_variable(venue, "REST")
    )
    return with_settings(*BROKER, "raw_topic", *FEED, "metrics_addr", "progress_interval_s")(command)


@dataclass(frozen=True)
class _Plan:
    """What was asked for, checked as far as that goes without the exchange."""

    venue: Venue
    options: FeedOptions
    core: FeedCore
    rest_url: str
    named: tuple[str, ...]


def _feed(plan: _Plan, settings: Settings) -> None:
    """Connect, feed, and say what became of it."""
    for library in ("httpx2", "httpcore2", "websockets"):
        # Each request and each ping is a line of theirs.
        logging.getLogger(library).setLevel(logging.WARNING)
    out = Outflow(RawTopicWriter(connect(settings), settings.raw_topic, LIVE), plan.venue.name)
    try:
        _run(_live(plan, settings, out))
    except RosterError as error:
        raise SettingsError(error.problems) from None


async def _live(plan: _Plan, settings: Settings, out: Outflow) -> None:
    """Feed until a signal comes."""
    core = plan.core
    file = SymbolsFile(settings.symbols_file) if settings.symbols_file else None
    patience_s = settings.give_up_after_s
    async with Rest() as rest:
        roster = Roster(
            plan.venue, plan.rest_url, rest, named=plan.named, file=file, top=settings.top, give_up_after_s=patience_s,
            too_many=partial(polling_problem, plan.venue, plan.options),
        )  # fmt: skip
        feed = LiveFeed(core, out, rest, roster, give_up_after_s=patience_s)
        view = FeedView(feed, plan.venue.name, settings.raw_topic, settings.progress_interval_s)
        _on_signals(feed, rereads=file is not None)
        with served(FeedMonitor(core.status, out).registry, settings.metrics_addr) as address:
            if address is not None:
                structlog.get_logger("obi.feed").info("metrics", address=f"http://{address}/metrics")
            showing = asyncio.ensure_future(view.show())
            try:
                await feed.run()
            finally:
                showing.cancel()
                with suppress(asyncio.CancelledError):
                    await showing
                if feed.symbols:
                    view.total(stderr())


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run it on the faster event loop, where that is installed; looking for cyclic garbage would hold up what comes."""
    with rare_collections():
        if find_spec("uvloop") is None:
            asyncio.run(work)
            return
        import uvloop  # noqa: PLC0415  (there is none for some platforms)

        uvloop.run(work)


def _on_signals(feed: LiveFeed, *, rereads: bool) -> None:
    """The first signal ends the feed in order, a second one at once; SIGHUP reads the symbols file again, if there is one."""
    loop = asyncio.get_running_loop()
    ending = (signal.SIGTERM, signal.SIGINT) if rereads else (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def end() -> None:
        for number in ending:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        feed.stop()

    for number in ending:
        loop.add_signal_handler(number, end)
    if rereads:
        loop.add_signal_handler(signal.SIGHUP, feed.look_again)


def _plan(venue: Venue, settings: Settings, symbols: Sequence[str]) -> _Plan:
    """What is to be done.

    Raises:
        SettingsError: with all that is wrong.
    """
    problems: list[str] = []
    streams = tuple(dict.fromkeys(name.strip() for name in settings.streams.split(",") if name.strip()))
    problems += [f"--streams: {problem}" for problem in stream_problems(streams, venue)]
    named: tuple[str, ...] = ()
    if symbols:
        named = _or_problem(problems, lambda: parse_symbols(" ".join(symbols), "SYMBOL"), ())
    elif not (settings.symbols_file or settings.top):
        problems.append("SYMBOL: expected at least one, or --symbols-file or --top, received none")
    ws_url = _or_problem(problems, lambda: exchange_url(_variable(venue, "WS"), ("ws", "wss"), venue.ws_url), "")
    rest_url = _or_problem(
        problems, lambda: exchange_url(_variable(venue, "REST"), ("http", "https"), venue.rest_url), ""
    )
    if not problems:
        try:
            options = FeedOptions(
                streams=streams,
                rest_interval_s=settings.rest_s,
                audit_interval_s=settings.audit_interval_s,
                streams_per_connection=settings.streams_per_connection,
            )
            # Feeds that fail together wait apart; nothing secret hangs on these numbers.
            core = FeedCore(venue, options, ws_url=ws_url, rest_url=rest_url, jitter=random.random)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError(problems)
    return _Plan(venue, options, core, rest_url, named)


def _or_problem(problems: list[str], make: Callable[[], T], otherwise: T) -> T:
    """What is made; or, when that is refused, ``otherwise``, and one problem more."""
    try:
        return make()
    except ValueError as error:
        problems.append(str(error))
        return otherwise


def exchange_url(variable: str, schemes: tuple[str, ...], default: str, environ: Mapping[str, str] = os.environ) -> str:
    """Scheme, host and port of an address in the environment; ``default`` where there is none.

    Raises:
        ValueError: It is something else.
    """
    given = environ.get(variable, "").strip()
    if not given:
        return default
    parts = urlsplit(given)
    try:
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable or parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{variable}: expected {schemes[-1]}://host:port and no path, received {given!r}")
    return f"{parts.scheme}://{parts.netloc}"


def _variable(venue: Venue, kind: str) -> str:
    return f"OBI_{venue.name.upper().replace('-', '_')}_{kind}_URL"
