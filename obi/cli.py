"""The command ``obi``: its commands, what may be said before them, and the help that teaches."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

import kernels
from dataflows.logs import configure_logs
from obi.dashboard import dashboard
from obi.demo import demo
from obi.doctor import doctor
from obi.evaluate import evaluate
from obi.export import export
from obi.failures import CommandGroup
from obi.fake_exchange import fake_exchange_command
from obi.feed import feed_app
from obi.heatmap import heatmap
from obi.measure import measure
from obi.options import GlobalOptions, config_option, flowing, preset_option
from obi.replay import replay
from obi.run import run
from obi.simulate import simulate_command
from obi.topics import topics_app
from obi.watch import watch

_EPILOG = """\b
Examples:
  obi demo                             all of it here, with a simulated market
  obi demo --recording sample/*.gz     the same with recorded Binance messages
  obi measure usdm_btcusdt.gz -o -     records of a recording, on stdout
  obi evaluate usdm_btcusdt.gz         whether its features predict

\b
With a broker (OBI_BOOTSTRAP_SERVERS, default localhost:9092), in this order:
  obi topics create --partitions 4
  obi run                              the job; Ctrl-C ends it cleanly
  obi feed binance-usdm BTCUSDT        a live feed; --top 50 for the busiest
  obi feed recording usdm_btcusdt.gz   a feed, from a recording
  obi watch BTCUSDT                    what the job writes, live
  obi replay --verify                  whether the same bytes come again
  obi export records/                  the records as Parquet files
  obi doctor                           what is wrong, and what to do about it

\b
A setting has one name everywhere: depth_levels in obi.toml,
OBI_DEPTH_LEVELS in the environment, --depth-levels on the command line;
the later is the stronger.
Exit codes: 0 done, 1 the answer is no, 2 wrong use or settings, 3 the outside
failed (broker, topics).
"""

_LOOK = "Try and look"
_WORK = "Run against Kafka"
_RECORDINGS = "Recordings, without a broker"

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        own = installed_version("orderbook-imbalance")
    except PackageNotFoundError:
        own = "(not installed)"
    parts = " ".join(f"{name} {installed_version(name)}" for name in ("bytewax", "confluent-kafka"))
    print(f"obi {own} (Python {sys.version.partition(' ')[0]}, {kernels.kind()} kernels, {parts})")
    raise typer.Exit


@app.callback()
def options(
    config: Annotated[Path | None, config_option()] = None,
    preset: Annotated[str | None, preset_option()] = None,
    log_level: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="Least log line shown: debug, info, warning, error.", show_default=False),
    ] = None,
    version: Annotated[  # noqa: ARG001  (its callback has answered)
        bool, typer.Option("--version", metavar="", callback=_version, is_eager=True, help="Show versions and end.")
    ] = False,
) -> None:
    """Order-book depth messages in Kafka become imbalance metrics in Kafka.

    One record a depth message, none lost, none twice; the same input gives the same bytes. Start with: obi demo
    """
    configure_logs()
    GlobalOptions.config, GlobalOptions.preset, GlobalOptions.log_level = config, preset, log_level


app.command(rich_help_panel=_LOOK)(demo)
app.command(rich_help_panel=_LOOK)(watch)
app.command(rich_help_panel=_LOOK)(dashboard)
app.command(rich_help_panel=_LOOK)(doctor)
app.command(rich_help_panel=_WORK)(run)
app.command(rich_help_panel=_WORK)(replay)
app.command(rich_help_panel=_WORK)(export)
app.command(rich_help_panel=_LOOK)(evaluate)
app.add_typer(topics_app, name="topics", rich_help_panel=_WORK)
app.add_typer(feed_app, name="feed", rich_help_panel=_WORK)
app.command(rich_help_panel=_RECORDINGS)(measure)
app.command(rich_help_panel=_RECORDINGS)(heatmap)
app.command("simulate", help=flowing(simulate_command.__doc__ or ""), rich_help_panel=_RECORDINGS)(simulate_command)
app.command("fake-exchange", help=flowing(fake_exchange_command.__doc__ or ""), rich_help_panel=_LOOK)(
    fake_exchange_command
)


def main() -> None:
    """Run the command line; the only way out is an exit code."""
    app(prog_name="obi")
