"""``obi demo``: broker, feed, job and table on one machine, with nothing installed; ends with a check of everything."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import structlog
import typer
from rich.console import Console

from connectors.broker import Broker
from connectors.embedded import EmbeddedBroker
from connectors.feed_recording import merged
from connectors.raw_topic import RawTopicWriter
from connectors.recordings import RecordingReader
from consumers.auditor import Auditor
from consumers.board import Board
from consumers.feeding import Feeding
from dataflows.job import topic_names
from dataflows.settings import Settings
from obi.children import Child
from obi.connecting import quiet_kafka
from obi.demo_summary import Verdict, print_summary
from obi.demo_view import show
from obi.failures import NO, OUTSIDE_FAILED, describe, fail
from obi.options import DECODING, MEASURING, TOPICS, with_settings
from obi.recordings import open_recordings
from obi.signals import ended_like_ctrl_c
from obi.web_page import WebPage

_SEED: Final = 7
_DEFAULT_SECONDS: Final = 60.0
_VENUES: Final = {"spot": "binance-spot", "usdm": "binance-usdm"}
_PATIENCE_S: Final = 20.0


Recording: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="Feed recordings, not the simulated market; several are merged.", show_default=False
    ),
]
More: TypeAlias = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further recordings.", show_default=False)
]
Seconds: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0.1, metavar="S", help="How long to feed. (default: 60; recordings: once through)", show_default=False
    ),
]
Speed: TypeAlias = Annotated[float, typer.Option(min=0.01, metavar="N", help="Market seconds per second, at most.")]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, metavar="N", help="Of the simulated market.")]
Watch: TypeAlias = Annotated[bool, typer.Option("--watch/--no-watch", help="The live table, on a terminal.")]
Browser: TypeAlias = Annotated[
    bool,
    typer.Option("--browser/--no-browser", help="The live web page, opened where there is a display."),
]


@with_settings(*MEASURING, *DECODING, *TOPICS)
def demo(
    *,
    settings: Settings,
    recording: Recording = None,
    more: More = None,
    seconds: Seconds = None,
    speed: Speed = 10.0,
    seed: Seed = _SEED,
    watch: Watch = True,
    browser: Browser = True,
) -> None:
    """Run everything on this machine: nothing to install, nothing to configure, nothing left behind.

    A broker inside this process; a simulated market of four instruments (or recordings) fed through the raw topic; the
    job as it runs in production; a live table, and a live web page beside it. At the end: a summary that is computed
    from the topics, with every best bid and ask held against the market's own bookTicker, and every trade_delta against
    its trades. Exit code 1 if anything does not agree.

    \b
    Examples:
      obi demo
      obi demo --seconds 20 --speed 5 --preset hft
      obi demo --recording sample/*.gz
    """  # noqa: D301  (\b keeps typer from filling the lines)
    quiet_kafka()
    files = [*(recording or []), *(more or [])]
    readers: list[Any] = open_recordings(files, venue=None, symbol=None, default_venue=settings.default_venue)
    lasts_s = None if readers and seconds is None else (seconds or _DEFAULT_SECONDS) * speed
    verdict = _run(settings, readers, lasts_s, speed, seed, watch=watch, page=browser)
    if verdict is Verdict.FAILED:
        raise typer.Exit(OUTSIDE_FAILED)
    if verdict is Verdict.WRONG:
        raise typer.Exit(NO)


def _run(
    settings: Settings,
    readers: list[RecordingReader],
    lasts_s: float | None,
    speed: float,
    seed: int,
    *,
    watch: bool,
    page: bool,
) -> Verdict:
    board = Board()
    with ExitStack() as stack:
        stack.enter_context(ended_like_ctrl_c())  # no process and no folder is left behind
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="obi-demo-")))
        broker = stack.enter_context(EmbeddedBroker())
        broker.create(*topic_names(settings))
        structlog.get_logger("obi").info("other programs may join in", bootstrap_servers=broker.bootstrap_servers)
        children = [Child(_job_arguments(settings, broker.bootstrap_servers, folder), folder, "job")]
        stack.callback(lambda: [child.stop() for child in children])
        web = None
        if page:
            web = WebPage(_page_arguments(settings, broker.bootstrap_servers), folder)
            stack.callback(web.close)
        what = f"{len(readers)} recordings" if readers else "simulated market"
        if not readers:
            readers = _simulated(folder, children, lasts_s or 0.0, seed)
        auditor = stack.enter_context(_auditor(settings, broker, board))
        writer = RawTopicWriter(Broker(broker.bootstrap_servers), settings.raw_topic)
        feeding = Feeding(merged(readers), writer, speed=speed, backlog=auditor.backlog, lasts_s=lasts_s)
        feeding.start()
        stack.callback(feeding.stop)
        interrupted = False
        try:
            show(what, children, feeding, auditor, lasts_s=lasts_s, table=watch, page=web)
        except KeyboardInterrupt:
            interrupted = True
        return _finish(children, feeding, auditor, settings, interrupted=interrupted)


def _finish(
    children: list[Child], feeding: Feeding, auditor: Auditor, settings: Settings, *, interrupted: bool
) -> Verdict:
    """Stop the feed, wait for the last answer, stop the job, read the topics to their end, and judge."""
    job = children[0]
    broken = [child for child in children if child.failed]
    died = job.exit_code is not None
    feeding.stop()
    feeding.join(0.0 if broken else _PATIENCE_S)
    if not died:
        auditor.wait_for_answers(feeding.sent, _PATIENCE_S)
    if job.stop() and not broken:
        broken.append(job)
    complete = auditor.read_to_end()
    error = feeding.error or auditor.error
    verdict = print_summary(
        Console(highlight=False), auditor, feeding, settings, complete=complete, interrupted=interrupted
    )
    for child in broken or ([job] if died else []):
        fail(f"obi {child.name} ended with exit code {child.exit_code}; the end of its log:\n{child.last_words()}")
    if error is not None:
        fail(describe(error))
    return Verdict.FAILED if broken or died or error is not None else verdict


def _auditor(settings: Settings, broker: EmbeddedBroker, board: Board) -> Auditor:
    return Auditor(
        Broker(broker.bootstrap_servers),
        raw=settings.raw_topic,
        metrics=settings.metrics_topic,
        faults=settings.faults_topic,
        window=settings.delta_volume_window,
        board=board,
    )


def _job_arguments(settings: Settings, bootstrap_servers: str, folder: Path) -> list[str]:
    """``obi run`` with our settings."""
    arguments = ["run", "--bootstrap-servers", bootstrap_servers, "--state-dir", str(folder / "state")]
    for name in (*MEASURING, *DECODING, *TOPICS):
        value = getattr(settings, name)
        if name == "contract_sizes":
            value = ",".join(f"{symbol}={size}" for symbol, size in value.items()) or None
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def _page_arguments(settings: Settings, bootstrap_servers: str) -> list[str]:
    """``obi dashboard`` with our settings."""
    arguments = ["--bootstrap-servers", bootstrap_servers]
    for name in (*DECODING, "raw_topic", "metrics_topic", "faults_topic"):
        value = getattr(settings, name)
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def _simulated(folder: Path, children: list[Child], seconds: float, seed: int) -> list[RecordingReader]:
    """Two simulated venues, each a process of its own that writes a recording into a pipe as it is read."""
    readers = []
    for short, venue in _VENUES.items():
        pipe = folder / f"{short}_simulated"
        os.mkfifo(pipe)
        arguments = ["simulate", "--venue", venue, "--symbols", "2", "--seconds", str(seconds), "--seed", str(seed)]
        children.append(Child([*arguments, "-o", str(pipe)], folder, f"simulate-{short}"))
        readers.append(RecordingReader(pipe, venue))
    return readers
