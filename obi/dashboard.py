"""``obi dashboard``: the topics as a live web page."""

from __future__ import annotations

import logging
import secrets
from typing import Annotated, Final, TypeAlias

import typer

from connectors.decode import Decoder
from consumers.dashboard.scene import Scene
from consumers.dashboard.watcher import Topics, Watcher
from dataflows.settings import Settings, SettingsError
from obi.connecting import connect, quiet_kafka
from obi.extras import extra
from obi.options import BROKER, DECODING, with_settings
from obi.screen import stderr
from obi.web_page import open_in_browser

PORT: Final = 8050

Symbols: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SYMBOL]...", help="BTCUSDT, or binance-usdm:BTCUSDT; none: all.", show_default=False),
]
Host: TypeAlias = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Where to listen. Anything but loopback asks viewers for a token.")
]
Port: TypeAlias = Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="0 takes a free one.")]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        envvar="OBI_DASHBOARD_TOKEN",
        show_envvar=False,
        show_default=False,
        help="What viewers are asked for. (default: none on loopback, else a new one that is printed; OBI_DASHBOARD_TOKEN)",
    ),
]
Keep: TypeAlias = Annotated[
    int, typer.Option(min=30, max=86_400, metavar="S", help="Seconds of history to begin with and to keep.")
]
Levels: TypeAlias = Annotated[
    int, typer.Option(min=1, max=5000, metavar="N", help="Levels of each side that the heatmap keeps.")
]
Browser: TypeAlias = Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")]


@with_settings(*BROKER, "raw_topic", "metrics_topic", "faults_topic", *DECODING)
def dashboard(
    *,
    settings: Settings,
    symbols: Symbols = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    token: Token = None,
    keep: Keep = 600,
    levels: Levels = 200,
    browser: Browser = False,
) -> None:
    """Show the topics as a live web page on this machine.

    Instruments with their state and features, each metric's history, the order book as a heatmap with best prices,
    trades and large orders, its best levels, faults and gaps, and how the job keeps up. Books are kept here from the
    raw topic, by the same code as the job's. The page works offline. Ctrl-C ends it.

    \b
    Examples:
      obi dashboard
      obi dashboard BTCUSDT ETHUSDT --port 9000
      obi dashboard --host 0.0.0.0      (prints the token that viewers need)
    """  # noqa: D301  (\b keeps typer from filling the lines)
    with extra("dashboard"):
        from consumers.dashboard.server import is_loopback, make_server, serve, shown_host  # noqa: PLC0415  (its library is an extra)
    quiet_kafka()
    for name, level in (("bokeh", logging.ERROR), ("tornado", logging.ERROR)):
        logging.getLogger(name).setLevel(level)
    decoder = Decoder(
        default_venue=settings.default_venue,
        bare_depth=settings.bare_depth,
        depth_levels=levels,
        max_levels=settings.max_levels,
        max_message_bytes=settings.max_message_bytes,
    )
    scene = Scene(decoder, levels=levels, keep_s=keep, wanted=symbols or ())
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(16)
    try:
        server = make_server(scene, host=host, port=port, token=token, keep_s=keep)
    except OSError as error:
        where, why = f"{host}:{port}", error.strerror or str(error)
        raise SettingsError([f"--host, --port: expected an address to listen on, received {where}: {why}"]) from None
    topics = Topics(settings.raw_topic, settings.metrics_topic, settings.faults_topic)
    with Watcher(connect(settings), topics, scene, back_s=keep):
        address = f"http://{shown_host(host)}:{server.port}/" + (f"login?token={token}" if token is not None else "")
        stderr().print(f"the dashboard is at {address}  (Ctrl-C ends it)", soft_wrap=True)
        if browser:
            open_in_browser(address)
        serve(server)
