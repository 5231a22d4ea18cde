"""An exchange of a few lines: one port, a list of symbols, sockets that acknowledge subscriptions and send what a test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType

import orjson
from typing_extensions import Self
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


class TinyExchange:
    """A context manager.

    Attributes:
        answers: status, headers and body by path, each for one request; then again what is usual.
        asked: paths of all requests.
        paths: of the sockets that were opened, in their order.
        streams: what is subscribed, in the order of the requests.
        clients: sockets that are open.
    """

    def __init__(self, symbols: Iterable[str] = SYMBOLS) -> None:
        self.symbols = list(symbols)
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[str] = []
        self.paths: list[str] = []
        self.streams: list[str] = []
        self.clients: set[ServerConnection] = set()
        self.port = 0
        self._server: Server | None = None

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(self, *texts: str) -> None:
        """To every socket."""
        for text in texts:
            broadcast(self.clients, text)
        await asyncio.sleep(0)

    async def until_subscribed(self, count: int) -> None:
        while len(self.streams) < count:
            await asyncio.sleep(0.01)

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._talk, "127.0.0.1", self.port, process_request=self._answer, compression=None, close_timeout=0.2
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, client: ServerConnection) -> None:
        assert client.request is not None
        self.paths.append(client.request.path)
        self.clients.add(client)
        try:
            async for text in client:
                told = orjson.loads(text)
                if told["method"] == "SUBSCRIBE":
                    self.streams += told["params"]
                else:
                    self.streams = [stream for stream in self.streams if stream not in told["params"]]
                await client.send(orjson.dumps({"result": None, "id": told["id"]}).decode())
        finally:
            self.clients.discard(client)

    def _answer(self, client: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        path = request.path.partition("?")[0]
        self.asked.append(request.path)
        status, headers, body = self.answers[path].pop(0) if self.answers.get(path) else (200, {}, self._usual(path))
        response = client.respond(HTTPStatus(status), "")
        response.body = body
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            response.headers[name] = value
        return response

    def _usual(self, path: str) -> bytes:
        if path.endswith("exchangeInfo"):
            return orjson.dumps({"symbols": [{"symbol": symbol, "status": "TRADING"} for symbol in self.symbols]})
        if path.endswith("ticker/24hr"):
            volumes = enumerate(reversed(self.symbols), 1)
            return orjson.dumps([{"symbol": symbol, "quoteVolume": str(volume)} for volume, symbol in volumes])
        if path.endswith("depth"):
            return b'{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["2","1"]]}'
        return b"{}"


class TradingExchange:
    """A tiny exchange in a thread, which sends a trade of each subscribed stream every 5 ms, numbered from 1.

    Attributes:
        number: of the last trades.
    """

    def __init__(self) -> None:
        self.tiny = TinyExchange()
        self.number = 0
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        async with self.tiny:
            self._ready.set()
            while not self._stop.is_set():
                self.number += 1
                for stream in tuple(dict.fromkeys(self.tiny.streams)):
                    symbol = stream.partition("@")[0].upper()
                    await self.tiny.send(
                        f'{{"stream":"{stream}","data":{{"e":"trade","E":1,"s":"{symbol}","t":{self.number}}}}}'
                    )
                await asyncio.sleep(0.005)

    def __enter__(self) -> TinyExchange:
        self._thread.start()
        assert self._ready.wait(10)
        return self.tiny

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
