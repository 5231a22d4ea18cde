"""Owns the door: one port for WebSocket, REST and the control of the exchange itself, and which path leads where."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from fake_exchange.exchange import FakeExchange, Options
from fake_exchange.faults import make_fault, parse_fault
from fake_exchange.ledger import Ledger
from fake_exchange.rest import Answer
from fake_exchange.venues import Rules

_JSON: Final = {"Content-Type": "application/json"}
_CONTROL: Final = "/control/"

_LOG: Final = logging.getLogger("obi.fake_exchange.door")
_LOG.setLevel(logging.WARNING)  # of a connection that opens or closes, the state tells


class Address(NamedTuple):
    """Where a WebSocket path leads."""

    route: str
    combined: bool
    names: tuple[str, ...]


def read_path(path: str, rules: Rules) -> Address | None:
    """Read the path of a WebSocket; None when there is none at that address.

    >>> from fake_exchange.venues import USDM, VENUES
    >>> read_path("/public/stream?streams=btcusdt@depth/ethusdt@depth", VENUES[USDM])
    Address(route='/public', combined=True, names=('btcusdt@depth', 'ethusdt@depth'))
    """
    parts = urlsplit(path)
    route = next((route for route in rules.routes if route and parts.path.startswith(route + "/")), "")
    first, *rest = parts.path.removeprefix(route + "/").split("/")
    if first == "stream" and not rest:
        named = dict(parse_qsl(parts.query)).get("streams", "")
        return Address(route, combined=True, names=tuple(name for name in named.split("/") if name))
    if first == "ws":
        return Address(route, combined=False, names=tuple(unquote(name) for name in rest if name))
    return None


class Door:
    """Lets clients in.

    Args:
        exchange: what is behind it.
        stop: called when a client asks for the end.
    """

    def __init__(self, exchange: FakeExchange, stop: Callable[[], None]) -> None:
        self._exchange = exchange
        self._stop = stop

    async def request(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request, or let a WebSocket pass."""
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        if parts.path.startswith(_CONTROL):
            return _response(self._control(parts.path.removeprefix(_CONTROL), query))
        if parts.path.startswith(self._exchange.rules.rest + "/"):
            if parts.path.endswith("/depth"):
                self._exchange.hub.want([f"{query.get('symbol')}@depth by REST"])
            return _response(await self._exchange.rest.answer(parts.path, query))
        if read_path(request.path, self._exchange.rules) is None:
            return _response(Answer(404, b'{"code":-1000,"msg":"no such path"}', _JSON))
        if not self._exchange.hub.may_connect():
            return _response(Answer(429, b"", {"Retry-After": "300"}))
        return None

    async def socket(self, connection: ServerConnection) -> None:
        """Serve a WebSocket until it closes."""
        request = connection.request
        address = read_path(request.path, self._exchange.rules) if request else None
        assert address is not None
        hub = self._exchange.hub
        socket = hub.connect(connection, address.route, address.names, combined=address.combined)
        try:
            with suppress(ConnectionClosed):
                async for text in connection:
                    await hub.hear(socket, text)
        finally:
            hub.disconnect(socket)

    def _control(self, what: str, query: dict[str, str]) -> Answer:
        if what == "state":
            return Answer(200, json.dumps(self._exchange.state()).encode(), _JSON)
        if what == "stop":
            self._stop()
            return Answer(200, b"{}", _JSON)
        if what != "fault":
            return Answer(404, b'{"expected":"state, fault or stop"}', _JSON)
        try:
            if "spec" in query:
                fault = parse_fault(query["spec"])
            else:
                seconds = float(query.get("seconds", "0"))
                fault = make_fault(query.get("kind", ""), query.get("symbol"), seconds=seconds)
        except ValueError as error:
            return Answer(400, json.dumps({"error": str(error)}).encode(), _JSON)
        self._exchange.hub.inject(fault)
        return Answer(200, b"{}", _JSON)


class Served(NamedTuple):
    """An exchange that is open.

    Attributes:
        exchange: it.
        address: host:port of its door.
        playing: the task that plays; it ends only when something fails.
        ended: set when a client asked for the end.
    """

    exchange: FakeExchange
    address: str
    playing: asyncio.Task[None]
    ended: asyncio.Event

    async def until_ended(self) -> None:
        """Wait until a client asks for the end, or the tape fails; then raise why."""
        waiting = asyncio.ensure_future(self.ended.wait())
        await asyncio.wait([waiting, self.playing], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.playing.done():
            self.playing.result()


@asynccontextmanager
async def serving(options: Options, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Served]:
    """Serve an exchange while inside.

    Raises:
        RecordingError: A recording can't be read or is of another venue.
        OSError: The port is taken.
    """
    with Ledger(options.sent, options.truth) as ledger:
        exchange = FakeExchange(options, ledger)
        ended = asyncio.Event()
        door = Door(exchange, ended.set)
        rules = exchange.rules
        async with serve(
            door.socket,
            host,
            port,
            process_request=door.request,
            compression=None,
            open_timeout=None,  # a depth request may wait for its book
            ping_interval=rules.ping_s,
            ping_timeout=rules.pong_s,
            close_timeout=1.0,
            max_queue=None,
            logger=_LOG,
        ) as server:
            name, number = next(iter(server.sockets)).getsockname()[:2]
            playing = asyncio.create_task(exchange.play())
            try:
                yield Served(exchange, f"{name}:{number}", playing, ended)
            finally:
                playing.cancel()
                with suppress(asyncio.CancelledError, Exception):  # whoever wants to know waits for it inside
                    await playing


def _response(answer: Answer) -> Response:
    headers = Headers({**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"})
    return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)
