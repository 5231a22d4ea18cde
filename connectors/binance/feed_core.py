"""The core of a live feed: facts in (opened, frame, closed, fetched, tick), actions out.

Rule 1: it reads no clock, opens nothing, and keeps no thread: equal calls give equal actions.
Rule 2: everything that arrives is written, byte by byte as it came.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import orjson

from connectors.binance.actions import Action, Answer, Close, Open, Send, Write
from connectors.binance.options import FeedOptions, stream_kind, stream_problems
from connectors.binance.status import FeedStatus
from connectors.binance.venue import Venue

_HEAD: Final = re.compile(rb'\{"stream":"([^"]{1,128})","data":')
_RETRY_S: Final = 1.0


class FeedCore:
    """One feed of one venue.

    Args:
        venue: Whose rules hold.
        options: Choices of the user.
        ws_url: Scheme, host and port to connect to.
        rest_url: Scheme, host and port to ask.
        jitter: Random numbers in [0, 1).

    Raises:
        ValueError: ``options`` asks for streams that the venue does not have.
    """

    def __init__(
        self, venue: Venue, options: FeedOptions, *, ws_url: str, rest_url: str, jitter: Callable[[], float]
    ) -> None:
        if problems := stream_problems(options.streams, venue):
            raise ValueError("; ".join(problems))
        self.actions: deque[Action] = deque()
        self.status = FeedStatus()
        self._venue = venue
        self._options = options
        self._ws_url = ws_url.rstrip("/")
        self._rest_url = rest_url.rstrip("/")
        self._jitter = jitter
        self._symbols: tuple[str, ...] = ()
        self._paths: dict[int, str] = {}
        self._retry_at_s: dict[str, float] = {}
        self._numbers = 0

    def want(self, symbols: Sequence[str], now_s: float) -> None:
        """The set of symbols (upper case) from now on; the first call starts the feed."""
        self._symbols = tuple(dict.fromkeys(symbols))
        for kind in (stream_kind(suffix, self._venue) for suffix in self._options.streams):
            if kind is not None and (path := self._venue.ws_paths[kind]) not in self._paths.values():
                self._open(path)
        self.tick(now_s)

    def opened(self, socket: int, now_s: float) -> None:
        """A socket is connected."""
        del now_s
        params = [
            f"{symbol.lower()}@{suffix}"
            for symbol in self._symbols
            for suffix in self._options.streams
            if (kind := stream_kind(suffix, self._venue)) and self._venue.ws_paths[kind] == self._paths[socket]
        ]
        self._numbers += 1
        text = orjson.dumps({"method": "SUBSCRIBE", "params": params, "id": self._numbers}).decode()
        self.actions.append(Send(socket, text))

    def frame(self, socket: int, data: bytes, recv_ns: int, now_s: float) -> None:
        """One WebSocket message, text or binary, as received at ``recv_ns`` (wall clock)."""
        del socket
        head = _HEAD.match(data)
        if head is None:
            if b'"id"' in data[-64:] and b'"stream"' not in data[:64]:
                return
            self.status.frames_bad += 1
            self.actions.append(Write(None, data, [("recv_ns", b"%d" % recv_ns)]))
            return
        symbol = head[1].partition(b"@")[0].decode().upper()
        self.status.frames += 1
        self.status.last_frame_s[symbol] = now_s
        self.actions.append(Write(symbol, data, [("recv_ns", b"%d" % recv_ns)]))

    def closed(self, socket: int, why: str, now_s: float) -> None:
        """A socket has ended, or could not be connected."""
        del why
        self._retry_at_s[self._paths.pop(socket)] = now_s + _RETRY_S

    def fetched(self, number: int, answer: Answer, recv_ns: int, now_s: float) -> None:
        """What became of a ``Fetch``; received at ``recv_ns`` (wall clock)."""

    def tick(self, now_s: float) -> None:
        """Time has passed; about every 100 ms."""
        for path in [path for path, at_s in self._retry_at_s.items() if at_s <= now_s]:
            del self._retry_at_s[path]
            self._open(path)

    def stop(self, now_s: float) -> None:
        """Close everything; what still arrives is still written."""
        del now_s
        self.actions.extend(Close(socket, "stopped") for socket in self._paths)

    def _open(self, path: str) -> None:
        self._numbers += 1
        self._paths[self._numbers] = path
        self.status.connects += 1
        self.actions.append(Open(self._numbers, self._ws_url + path))
