"""Who may see the page: this machine on loopback, else who knows the token; and no other site's page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from socket import gethostname
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from consumers.dashboard.scene import Scene
from consumers.dashboard.server import is_loopback, make_server, shown_host
from tests.consumers.dashboard.markets import market, scene_of


@pytest.fixture(scope="module")
def scene() -> Scene:
    return scene_of(market(1.0))


@contextmanager
def served(scene: Scene, token: str | None = None) -> Iterator[int]:
    """The server in a thread with a loop of its own; gives its port."""
    ready: list[Any] = []
    started = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        server = make_server(scene, host="127.0.0.1", port=0, token=token, keep_s=60)
        server.start()
        ready.append(server)
        started.set()
        server.io_loop.start()
        server.stop(wait=False)
        server.io_loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(20)
    try:
        yield ready[0].port
    finally:
        ready[0].io_loop.add_callback(ready[0].io_loop.stop)
        thread.join()


def ask(port: int, path: str, *, body: str | None = None, cookie: str = "") -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def open_socket(port: int, origin: str | None = None) -> ClientConnection:
    allowed = None if origin is None else Origin(origin)
    return connect(
        f"ws://127.0.0.1:{port}/ws", origin=allowed, subprotocols=[Subprotocol("bokeh"), Subprotocol("token")]
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("me.org", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_address_is_written_as_a_url_wants_it() -> None:
    assert [shown_host(host) for host in ("127.0.0.1", "::1", "me.org")] == ["127.0.0.1", "[::1]", "me.org"]
    assert shown_host("0.0.0.0") == shown_host("::") == gethostname()


def test_on_loopback_the_page_needs_no_token_and_nothing_from_elsewhere(scene: Scene) -> None:
    with served(scene) as port:
        answer, page = ask(port, "/?theme=dark")

    assert answer.status == 200
    assert 'data-theme="dark"' in page
    for word in ('src="http', "src='http", 'href="http', "url(http", "cdn."):
        assert word not in page


def test_what_a_request_says_is_not_put_into_the_page(scene: Scene) -> None:
    with served(scene) as port:
        _, page = ask(port, "/?" + urlencode({"theme": "<script>alert(1)</script>", "instrument": "</script><b>"}))

    assert "alert(1)" not in page
    assert "</script><b>" not in page


def test_another_sites_page_opens_no_socket(scene: Scene) -> None:
    with served(scene) as port:
        for origin in ("http://elsewhere.example", f"http://127.0.0.1:{port + 1}", f"http://elsewhere.example:{port}"):
            with pytest.raises(InvalidStatus, match="403"):
                open_socket(port, origin)


def test_a_token_is_asked_for_and_kept_in_a_cookie(scene: Scene) -> None:
    with served(scene, token="secret") as port:
        closed, _ = ask(port, "/")
        form, text = ask(port, "/login")
        wrong, _ = ask(port, "/login", body="token=guess")
        right, _ = ask(port, "/login", body="token=secret")
        cookie = right.headers["Set-Cookie"]
        opened, page = ask(port, "/", cookie=cookie.partition(";")[0])
        forged, _ = ask(port, "/", cookie="obi_dashboard=1")
        linked, _ = ask(port, "/login?token=secret")
        with open_socket(port) as socket, pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)

    assert (closed.status, closed.headers["Location"].partition("?")[0]) == (302, "/login")
    assert (form.status, "password" in text) == (200, True)
    assert wrong.status == 403
    assert (right.status, right.headers["Location"]) == (302, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (opened.status, "instruments" in page) == (200, True)
    assert forged.status == 302
    assert linked.status == 302


def test_an_address_that_others_reach_needs_a_token(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"expected a token for 0\.0\.0\.0"):
        make_server(scene, host="0.0.0.0", port=0, token=None, keep_s=60)
