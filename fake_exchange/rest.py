"""Owns the REST interface: depth, exchangeInfo, ticker/24hr, ping and time, with weights, and with faults on request."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final, NamedTuple

import orjson

from fake_exchange.book import Book, Judge
from fake_exchange.faults import Fault
from fake_exchange.listing import exchange_info, tickers
from fake_exchange.messages import Message
from fake_exchange.venues import Rules
from fake_exchange.weights import Budget

_FORCED: Final = 2
_PATIENCE_S: Final = 60.0
_FROZEN_S: Final = 10.0
_POLL_S: Final = 0.01

Query = dict[str, str]


class Answer(NamedTuple):
    """What a request gets."""

    status: int
    body: bytes
    headers: dict[str, str]


class Asked(NamedTuple):
    """A depth request: when it was answered, of which symbol, and how.

    Attributes:
        update_id: of the book, 0 without one.
        weight: of the request.
        weight_used: of the minute, as the answer told.
    """

    time_ns: int
    symbol: str
    status: int
    update_id: int
    weight: int
    weight_used: int


class Rest:
    """The REST interface of one venue.

    Args:
        rules: of the venue.
        judge: whose books are told.
        symbols: all that trade, the most traded first.
        recorded_only: a depth request gets the recorded snapshot that it waited for, or 503.

    Attributes:
        asked: every depth request, also those that were refused.
        budget: the weight that is used.
        is_open: whether the market has opened; until then depth requests wait.
    """

    def __init__(self, rules: Rules, judge: Judge, symbols: Sequence[str], *, recorded_only: bool) -> None:
        self._rules = rules
        self._judge = judge
        self._symbols = symbols
        self._recorded_only = recorded_only
        self._waiting: dict[str, list[asyncio.Future[bytes]]] = defaultdict(list)
        self._asked: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._forced: list[int] = []
        self._frozen: dict[str, tuple[Book, float]] = {}
        self.is_open = False
        self.asked: list[Asked] = []
        self.budget = Budget(rules.weight_per_minute)

    def begin(self, fault: Fault) -> None:
        """Begin a fault of a kind that befalls requests."""
        now = time.time()
        if fault.kind == "rate_limit":
            self._forced += [429] * _FORCED
        elif fault.kind == "server_error":
            self._forced += [503] * _FORCED
        elif fault.kind == "ban":
            self.budget.ban(fault.seconds, now)
        elif fault.kind == "stale_snapshot" and fault.symbol and self._judge.knows(fault.symbol):
            self._frozen[fault.symbol] = deepcopy(self._judge.book(fault.symbol)), now + _FROZEN_S

    async def is_asked(self, symbol: str, within_s: float) -> bool:
        """Whether somebody waits for the recorded snapshot of a symbol, or comes to do so within a time."""
        if not self._waiting[symbol]:
            self._asked[symbol].clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._asked[symbol].wait(), within_s)
        return bool(self._waiting[symbol])

    def hand_out(self, snapshot: Message) -> None:
        """Give a recorded snapshot to those who wait for it."""
        for future in self._waiting.pop(snapshot.symbol, []):
            if not future.done():
                future.set_result(snapshot.data)

    async def answer(self, path: str, query: Query) -> Answer:
        """Answer a request; one of a book that is not known yet waits until it is."""
        name = path.removeprefix(self._rules.rest + "/")
        weight = self._weight(name, query)
        if weight is None:
            return self._error(404 if name != "depth" else 400, -1130, "Data sent for parameter 'limit' is not valid.")
        status, retry_after = self.budget.take(weight, time.time())
        if self._forced and status == 200:
            status, retry_after = self._forced.pop(0), 1
        if status != 200 and name == "depth":
            self.asked.append(Asked(time.time_ns(), query.get("symbol", ""), status, 0, weight, self.budget.used))
        if status == 503:
            return Answer(503, b"<html>503 Service Unavailable</html>", {"Content-Type": "text/html"})
        if status != 200:
            refused = self._error(status, -1003, "Too many requests; please use the websocket for live updates.")
            return refused._replace(headers={**refused.headers, "Retry-After": str(retry_after)})
        if name == "depth":
            return await self._depth(query)
        return self._ok(self._plain(name, query))

    def _weight(self, name: str, query: Query) -> int | None:
        rules = self._rules
        if name == "depth":
            limit = query.get("limit", str(rules.default_limit))
            return rules.depth_weight(int(limit)) if limit.isdigit() else None
        one = "symbol" in query
        tickers_weight = 2 if one else rules.tickers_weight
        return {"ping": 1, "time": 1, "exchangeInfo": rules.info_weight, "ticker/24hr": tickers_weight}.get(name)

    def _plain(self, name: str, query: Query) -> bytes:
        now_ms = time.time_ns() // 1_000_000
        if name == "exchangeInfo":
            return exchange_info(self._rules, self._symbols, now_ms)
        if name == "ticker/24hr":
            chosen = [symbol for symbol in self._symbols if symbol == query.get("symbol", symbol)]
            return tickers(self._rules, chosen, now_ms)
        return orjson.dumps({"serverTime": now_ms} if name == "time" else {})

    async def _depth(self, query: Query) -> Answer:
        symbol = query.get("symbol", "")
        if not symbol:
            return self._error(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        if symbol not in self._symbols:
            return self._error(400, -1121, "Invalid symbol.")
        limit = int(query.get("limit", self._rules.default_limit))
        body = await self._body(symbol, limit)
        answer = self._ok(body) if body else self._error(503, -1001, "Internal error; unable to process your request.")
        number = orjson.loads(body)["lastUpdateId"] if body else 0
        weight = self._rules.depth_weight(limit) or 0
        self.asked.append(Asked(time.time_ns(), symbol, answer.status, number, weight, self.budget.used))
        return answer

    async def _body(self, symbol: str, limit: int) -> bytes | None:
        frozen, until = self._frozen.pop(symbol, (None, 0.0))
        if frozen is not None and time.time() < until:
            return frozen.body(self._rules.name, symbol, limit)
        if self._tells(symbol):
            return None if self._recorded_only else self._judge.body(symbol, limit)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[symbol].append(future)
        self._asked[symbol].set()
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            done, _ = await asyncio.wait([future], timeout=_POLL_S)
            if done:
                return future.result()
            if self._tells(symbol) and not self._recorded_only:
                return self._judge.body(symbol, limit)
        return None

    def _tells(self, symbol: str) -> bool:
        return self.is_open and self._judge.knows(symbol)

    def _ok(self, body: bytes) -> Answer:
        return Answer(200, body, self._headers())

    def _error(self, status: int, code: int, why: str) -> Answer:
        return Answer(status, orjson.dumps({"code": code, "msg": why}), self._headers())

    def _headers(self) -> dict[str, Any]:
        return {"Content-Type": "application/json", "X-MBX-USED-WEIGHT-1M": str(self.budget.used)}
