"""``obi evaluate``: whether features predict, from records of the past."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from dataflows.replay.ranges import Wanted
from dataflows.settings import Settings, SettingsError
from obi.extras import extra
from obi.options import BROKER, DECODING, MEASURING, with_settings
from obi.ranges import FromOffset, FromTime, Partition, ToOffset, ToTime, option, wanted_range
from obi.recordings import Venue

_ASKED: Final = "What is asked"
_ANSWER: Final = "The answer"

Inputs: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE|FOLDER]...",
        show_default=False,
        help="Recordings, or what obi export wrote; none: the metrics topic.",
    ),
]
Instrument: TypeAlias = Annotated[
    str | None, option(metavar="V:S", panel=_ASKED, help="This one alone, as in binance-usdm:BTCUSDT.")
]
Features: TypeAlias = Annotated[
    str | None,
    option("--features", panel=_ASKED, metavar="A,B", help="Fields of the record. (default: all that may predict)"),
]
Horizons: TypeAlias = Annotated[
    str, typer.Option("--horizons", metavar="S,S", rich_help_panel=_ASKED, help="Seconds ahead.")
]
Windows: TypeAlias = Annotated[
    str,
    typer.Option(
        "--windows",
        metavar="N,N",
        rich_help_panel=_ASKED,
        help="Delta windows to compare, from recordings; empty: none.",
    ),
]
Fee: TypeAlias = Annotated[
    float, typer.Option("--fee-bps", metavar="BPS", rich_help_panel=_ASKED, help="Taker's fee of one trade.")
]
Level: TypeAlias = Annotated[
    float, typer.Option("--level", metavar="P", rich_help_panel=_ASKED, help="Of significance; intervals cover 1 - P.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", rich_help_panel=_ASKED, help="Of all draws.")
]
Placebo: TypeAlias = Annotated[
    bool,
    option(
        "--placebo", panel=_ASKED, help="Move features in time, so that they can't predict: what is found in nothing?"
    ),
]
Html: TypeAlias = Annotated[
    Path | None, option("--html", metavar="FILE", panel=_ANSWER, help="Also as one page with plots.")
]
Json: TypeAlias = Annotated[
    Path | None, option("--json", metavar="FILE|-", panel=_ANSWER, help="As JSON; - is stdout, and nothing else is.")
]


@with_settings(*BROKER, "metrics_topic", "raw_topic", *MEASURING, *DECODING)
def evaluate(
    *,
    settings: Settings,
    inputs: Inputs = None,
    venue: Venue = None,
    partition: Partition = None,
    from_offset: FromOffset = None,
    to_offset: ToOffset = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    instrument: Instrument = None,
    features: Features = None,
    horizons: Horizons = "0.1,0.5,1,2,5,10,30,60",
    windows: Windows = "50,100,200",
    fee_bps: Fee = 5.0,
    level: Level = 0.05,
    seed: Seed = 1,
    placebo: Placebo = False,
    html: Html = None,
    json: Json = None,
) -> None:
    """Tell whether features predict the mid price, and how sure that is.

    Per feature and horizon: hit rate given a move beside its baselines, correlations, independent observations; models of
    all features, fitted on the past only; edge against cost; what takers paid against the spread; how the records came.
    Intervals are by block bootstrap, and all tests are adjusted for their number. It looks at the past, and promises nothing.

    \b
    Examples:
      obi evaluate usdm_btcusdt_20240808.gz --html report.html
      obi evaluate records/ --features orderflow_imbalance,delta_volume --horizons 0.5,1,5
      obi evaluate --from-time 2024-08-08T16:00:00Z --instrument binance-usdm:BTCUSDT
    """  # noqa: D301  (\b keeps typer from filling the lines)
    problems: list[str] = []
    wanted = wanted_range(
        problems,
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
        from_time=from_time,
        to_time=to_time,
    )
    lengths = tuple(map(int, _numbers(problems, "--windows", windows, int)))
    seconds = _numbers(problems, "--horizons", horizons, float)
    if inputs and wanted != Wanted():
        problems.append("--partition, --from-..., --to-...: expected with the metrics topic, received with files")
    _refuse([*problems, *wanted.problems()])
    with extra("evaluate"):
        from obi.evaluate_run import Source, question, tell  # noqa: PLC0415  (its libraries are an extra)
    asked = question(features, seconds, level=level, fee_bps=fee_bps, seed=seed, placebo=placebo)
    tell(Source(settings, inputs or [], venue, wanted, lengths, instrument), asked, html, json)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise SettingsError(problems)


def _numbers(problems: list[str], name: str, text: str, kind: type[float]) -> list[float]:
    try:
        found = [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = [-1]
    if any(not 0 < value < math.inf for value in found):
        problems.append(f"{name}: expected numbers above 0 with commas between them, received {text!r}")
    return found
