"""Owns the way from the tape to the connections: who has subscribed to what, faults on the way, and the books' judge."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from websockets.asyncio.server import ServerConnection

from fake_exchange.book import Judge
from fake_exchange.commands import read_command
from fake_exchange.disturbance import Disturbance
from fake_exchange.faults import OF_SOCKETS, Fault
from fake_exchange.ledger import Ledger
from fake_exchange.messages import Message, family_of, route_of
from fake_exchange.rest import Rest
from fake_exchange.sockets import Key, Socket
from fake_exchange.venues import Rules

_GARBAGE: Final = (b"<html><body>502 Bad Gateway</body></html>", b'{"stream":"', b"\x7b\x7b", b"null")
_CONNECTIONS_WINDOW_S: Final = 300.0


class Hub:
    """Connections, subscriptions and faults of one exchange.

    Args:
        rules: of the venue.
        symbols: those that are on the tape.
        judge: sees every message before anything can happen to it.
        rest: takes the faults that befall requests.
        ledger: where everything is written down.
        wait_for: distinct streams that must have been asked for before the tape begins; a symbol that is polled is one.
        seed: of what faults draw.

    Attributes:
        ready: set once that many streams were asked for.
        violations: connections that were closed since they said too much, or refused since there were too many.
    """

    def __init__(
        self,
        rules: Rules,
        symbols: Sequence[str],
        judge: Judge,
        rest: Rest,
        ledger: Ledger,
        *,
        wait_for: int,
        seed: int,
    ) -> None:
        self._rules = rules
        self._symbols = frozenset(symbols)
        self._judge = judge
        self._rest = rest
        self._ledger = ledger
        self._wait_for = wait_for
        self._disturbance = Disturbance(seed)
        self._readers: dict[Key, set[Socket]] = defaultdict(set)
        self._connected_s: list[float] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._wanted: set[str] = set()
        self._garbage = 0
        self.sockets: set[Socket] = set()
        self.ready = asyncio.Event()
        self.violations = 0
        self.connections = 0

    def connect(self, connection: ServerConnection, route: str, names: Sequence[str], *, combined: bool) -> Socket:
        """Take a new connection, with the streams that its address names."""
        self.connections += 1
        now_s = time.monotonic()
        socket = Socket(self.connections, connection, self._rules.routes[route], combined=combined, now_s=now_s)
        self.sockets.add(socket)
        self._subscribe(socket, names)
        return socket

    def may_connect(self) -> bool:
        """Whether this address may open one more connection; counts it."""
        now = time.monotonic()
        self._connected_s = [at for at in self._connected_s if at > now - _CONNECTIONS_WINDOW_S]
        self._connected_s.append(now)
        allowed = len(self._connected_s) <= self._rules.connections_per_5_min
        self.violations += not allowed
        return allowed

    def disconnect(self, socket: Socket) -> None:
        """Forget a connection."""
        self.sockets.discard(socket)
        for key in socket.names:
            self._readers[key].discard(socket)

    async def hear(self, socket: Socket, text: str | bytes) -> None:
        """Do what a client says, or close its connection when it says too much."""
        if not socket.may_say(self._rules.incoming_per_s, time.monotonic()):
            self.violations += 1
            self._ledger.note("a client said too much", socket=socket.number)
            await socket.connection.close(1008, "Too many requests")
            return
        command = read_command(text, self._rules.name, socket.all_names, self._rules.streams_per_connection)
        self._unsubscribe(socket, command.unsubscribe)
        self._subscribe(socket, command.subscribe)
        await socket.connection.send(command.answer.decode(), text=True)

    def publish(self, message: Message) -> None:
        """Send a message of the tape to whom it concerns, if nothing happens to it on the way."""
        self._judge.see(message)
        if self._ledger.wants_truth and (truth := self._judge.truth(message)) is not None:
            self._ledger.truth(truth)
        now_s = time.monotonic()
        for passing in self._disturbance.passed(message, now_s):
            key = passing.symbol, passing.family
            for socket in self._readers.get(key, ()):
                socket.put(passing, key, now_s)

    def flush(self) -> None:
        """Write what waits."""
        now_s = time.monotonic()
        for socket in self.sockets:
            frames = socket.take(now_s)
            if frames and socket.is_open:
                self._ledger.sent(socket.number, frames, time.time_ns())
                socket.write(frames)

    def has_readers(self, symbol: str, family: str) -> bool:
        """Whether anybody has subscribed to it."""
        return bool(self._readers.get((symbol, family)))

    def inject(self, fault: Fault) -> None:
        """Begin a fault now."""
        befallen = []
        if fault.kind in OF_SOCKETS:
            befallen = [one for one in self.sockets if fault.symbol in {None, *one.symbols}]
        self._ledger.fault(fault, {socket.number: socket.symbols for socket in befallen})
        now_s = time.monotonic()
        self._rest.begin(fault)
        self._disturbance.begin(fault, now_s)
        for socket in befallen:
            self._befall(socket, fault, now_s)

    def _befall(self, socket: Socket, fault: Fault, now_s: float) -> None:
        if fault.kind == "cut":
            socket.connection.transport.abort()
        elif fault.kind == "garbage":
            socket.put_raw("garbage", _GARBAGE[self._garbage % len(_GARBAGE)])
            self._garbage += 1
        elif fault.kind == "silent_socket":
            socket.silent_until_s = now_s + fault.seconds
        elif fault.kind == "slow":
            socket.slow_until_s = now_s + fault.seconds
        elif fault.kind == "expiry":
            self._close(socket)
        elif fault.kind == "shutdown":
            event = {"e": "serverShutdown", "E": time.time_ns() // 1_000_000}
            data = {"stream": "!serverShutdown", "data": event} if socket.combined else event
            socket.put_raw("!serverShutdown", orjson.dumps(data))
            asyncio.get_running_loop().call_later(fault.seconds, self._close, socket)

    def expire(self, lifetime_s: float) -> None:
        """Close the connections that have lived so long."""
        now_s = time.monotonic()
        for socket in [socket for socket in self.sockets if now_s - socket.since_s > lifetime_s]:
            self._close(socket)

    def _close(self, socket: Socket) -> None:
        if socket in self.sockets:
            self.disconnect(socket)
            closing = asyncio.ensure_future(socket.connection.close(1001, "going away"))
            self._closing.add(closing)  # the loop itself holds tasks weakly
            closing.add_done_callback(self._closing.discard)

    def _subscribe(self, socket: Socket, names: Sequence[str]) -> None:
        for name in names:
            symbol, _, stream = name.partition("@")
            key = symbol.upper(), family_of(stream)
            if symbol.islower() and key[0] in self._symbols and route_of(key[1]) in socket.families:
                socket.names[key] = name
                self._readers[key].add(socket)
            else:
                # As the real one does: no error, and nothing ever comes.
                socket.silent_names.add(name)
        self.want(names)

    def want(self, names: Iterable[str]) -> None:
        """Note what somebody asks for; once that is enough, the tape begins."""
        if not self.ready.is_set():
            self._wanted.update(names)
            if len(self._wanted) >= self._wait_for:
                self.ready.set()

    def _unsubscribe(self, socket: Socket, names: Sequence[str]) -> None:
        for name in names:
            socket.silent_names.discard(name)
            symbol, _, stream = name.partition("@")
            key = symbol.upper(), family_of(stream)
            if socket.names.get(key) == name:
                del socket.names[key]
                self._readers[key].discard(socket)

    def state(self) -> list[dict[str, Any]]:
        """The connections, for people and tests."""
        now_s = time.monotonic()
        return [
            {
                "number": socket.number,
                "combined": socket.combined,
                "age_s": round(now_s - socket.since_s, 3),
                "streams": len(socket.names),
                "silent_streams": sorted(socket.silent_names),
            }
            for socket in sorted(self.sockets, key=lambda one: one.number)
        ]
