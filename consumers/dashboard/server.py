"""The web server of the page: Bokeh's, with its own scripts from its own package, so that it works offline.

Owns who may see it. On loopback: whoever is on this machine, through no other site's page (the origin is checked). On
any other address: who knows the token, which is asked for once and then kept in a signed cookie.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import signal
import socket
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.auth_provider import AuthProvider
from bokeh.server.server import Server
from tornado.web import RequestHandler

from consumers.dashboard.look import Theme
from consumers.dashboard.page import Page
from consumers.dashboard.scene import Scene

_COOKIE: Final = "obi_dashboard"
_WRONG_TOKEN_S: Final = 1.0
_LOGIN: Final = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>obi dashboard</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px system-ui,sans-serif;max-width:22rem;margin:18vh auto;padding:0 1rem;color-scheme:light dark}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin-top:.5rem}</style></head>
<body><h1>obi dashboard</h1><form method="post"><label>Token<input name="token" type="password" autofocus
autocomplete="current-password"></label><button>Open</button></form><p role="alert">REASON</p></body></html>"""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def shown_host(host: str) -> str:
    """How an address is written in a URL; for "all of this machine's addresses" the machine's name."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (compared, not listened on)
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def make_server(scene: Scene, *, host: str, port: int, token: str | None, keep_s: int) -> Server:
    """The server, not started yet.

    Args:
        scene: What pages show.
        host: Address to listen on; None of ``token`` is for loopback alone.
        port: 0 picks a free one.
        token: Asked for before a page is shown.
        keep_s: Longest window that there is data for.

    Raises:
        OSError: The port is taken, or the address is none of this machine's.
        ValueError: An address that others can reach, without a token.
    """
    if token is None and not is_loopback(host):
        raise ValueError(f"expected a token for {host}, which others can reach, received none")
    application = Application(FunctionHandler(partial(_open_page, scene, keep_s)))
    port = _port_to_have(host, port)
    names = {shown_host(host), "localhost", "127.0.0.1"} if token is None else {"*"}
    options: dict[str, Any] = {}
    if token is not None:
        # The login's cookie is SameSite=Strict: another site's page opens no socket here, whatever its origin.
        options = {"auth_provider": _Token(token), "cookie_secret": secrets.token_urlsafe(32)}
    return Server(
        {"/": application},
        address=host,
        port=port,
        # With the port: a page of another server on this machine is another site's page.
        allow_websocket_origin=[f"{name}:{port}" for name in sorted(names)],
        sign_sessions=True,
        secret_key=secrets.token_urlsafe(32).encode(),
        generate_session_ids=True,
        keep_alive_milliseconds=10_000,
        unused_session_lifetime_milliseconds=10_000,
        check_unused_sessions_milliseconds=5_000,
        **options,
    )


def serve(server: Server) -> None:
    """Serve until Ctrl-C, SIGTERM or a closed terminal; only from the main thread."""
    server.start()
    loop = asyncio.get_event_loop()
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in ends:
        loop.add_signal_handler(number, server.io_loop.stop)
    server.io_loop.start()
    for number in ends:
        loop.remove_signal_handler(number)
    server.stop(wait=False)


def _port_to_have(host: str, port: int) -> int:
    """The port, or a free one for 0; OSError when it can't be had."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def _open_page(scene: Scene, keep_s: int, document: Document) -> None:
    context: Any = document.session_context
    request = context.request
    arguments = {name: values[0].decode("utf-8", "replace") for name, values in request.arguments.items() if values}
    theme: Theme = "dark" if arguments.get("theme") == "dark" else "light"
    Page(document, scene, theme=theme, keep_s=keep_s, instrument=arguments.get("instrument", ""))


class _Token(AuthProvider):
    """Asks for the token."""

    def __init__(self, token: str) -> None:
        self._handler = type("Login", (_Login,), {"token": token})
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], Any]:
        return lambda handler: handler.get_secure_cookie(_COOKIE)

    @property
    def login_url(self) -> str:
        return "/login"

    @property
    def login_handler(self) -> type[RequestHandler]:
        return self._handler


class _Login(RequestHandler):
    token: str

    async def get(self) -> None:
        await self._answer(self.get_argument("token", None))

    async def post(self) -> None:
        await self._answer(self.get_argument("token", ""))

    async def _answer(self, told: str | None) -> None:
        if told is not None and hmac.compare_digest(told.encode(), self.token.encode()):
            self.set_secure_cookie(_COOKIE, b"1", httponly=True, samesite="Strict")
            self.redirect("/")
            return
        if told is not None:
            await asyncio.sleep(_WRONG_TOKEN_S)  # guessing takes time
        self.set_status(200 if told is None else 403)
        self.finish(_LOGIN.replace("REASON", "" if told is None else "That is not the token."))
