"""What should come and does not: silent streams, silent sockets, trades that nobody sends, messages that come late.

Rule 1: each condition is told when it begins and when it ends (or, of streams, when some more fall silent).
Rule 2: who was silent and came back by itself is a quiet one: the next time it is given twice as long, up to an hour.
Rule 3: a reconnect is done where it helps: a socket all of whose streams are silent, or that falls behind. A single silent
        stream is subscribed to again. The next socket is up before the old one is closed.
Rule 4: receive time minus event time is told as it is, negative too; our clock may be wrong, and nobody here corrects it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.binance.fleet import Fleet
from connectors.binance.line import Line, Socket
from connectors.binance.options import FeedOptions
from connectors.binance.outbox import Alarm, Outbox, some
from connectors.binance.stream import Stream
from connectors.binance.venue import Venue
from connectors.streams import Kind

EVERY_S: Final = 1.0
"""Between two looks."""

LAG_REST_S: Final = 60.0
"""A new socket is given that long before its lag is judged."""

LATE_LOOKS: Final = 3
"""Looks in a row at which a socket is late before it is replaced: what it still had to bring is lost by that."""

BEHIND_MS: Final = -50
"""Messages that arrive that long before they happened: our clock is behind."""

_TRADES: Final = (Kind.TRADE, Kind.AGG_TRADE)


class Watchdog:
    """Looks at all streams and sockets once a second."""

    def __init__(self, venue: Venue, options: FeedOptions, fleet: Fleet, out: Outbox) -> None:
        self._options = options
        self._fleet = fleet
        self._out = out
        # Where streams have paths of their own, a wrong one is the likely cause.
        self._cause = (
            " (since 2026-04-23 an address without /public and /market delivers depth, and never aggTrade)"
            if len(set(venue.ws_paths.values())) > 1
            else ""
        )
        self._next_s = float("-inf")
        self._missing = {kind: Alarm(out, "no_trades") for kind in _TRADES}
        self._behind = Alarm(out, "clock_behind")

    def patience_s(self, kind: Kind) -> float:
        """How long a stream of that kind may be silent."""
        return self._options.trade_silence_s if kind in _TRADES else self._options.silence_s

    def tick(self, now_s: float) -> None:
        """Look, if it is time to."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        fell: list[str] = []
        back: list[str] = []
        silent = 0
        for line in self._fleet.lines:
            socket = line.current
            if socket is None or not socket.up:
                continue
            hushed = [stream for stream in line.streams.values() if self._hushed(stream, socket, back, now_s)]
            silent += sum(stream.silent for stream in line.streams.values())
            fell += [stream.name for stream in hushed]
            if now_s - socket.frame_s >= line.patience.seconds:
                self._replace_silent(line, socket, now_s)
            else:
                line.patience.rest(now_s)
                socket.subscription.renew(stream.name for stream in hushed)
        self._out.status.streams_silent = silent
        self._tell(fell, back)
        streams = [stream for line in self._fleet.lines for stream in line.streams.values()]
        for kind in _TRADES:
            self._miss(kind, streams, now_s)
        self._clocks(now_s)

    def _hushed(self, stream: Stream, socket: Socket, back: list[str], now_s: float) -> bool:
        """Whether this stream has fallen silent since the last look."""
        heard_s = stream.heard_s
        if stream.silent:
            if heard_s is not None and now_s - heard_s < EVERY_S * 2:
                stream.silent = False
                stream.patience.lose(now_s)
                back.append(stream.name)
            return False
        since_s = socket.complete_s if heard_s is None else heard_s
        if since_s is None or socket.complete_s is None:
            return False
        stream.silent = now_s - max(since_s, socket.opened_s or since_s) >= stream.patience.seconds
        if not stream.silent:
            stream.patience.rest(now_s)
        return stream.silent

    def _replace_silent(self, line: Line, socket: Socket, now_s: float) -> None:
        if line.why is not None or line.coming is not None:
            return
        silence_s = now_s - socket.frame_s
        self._out.note(
            "warning",
            "socket_silent",
            f"socket {socket.number} ({line}) has brought nothing for {silence_s:.0f} s; a new one takes its place",
            socket=socket.number,
            silence_s=silence_s,
        )
        line.patience.lose(now_s)
        self._fleet.rotate(line, "silent")

    def _tell(self, fell: list[str], back: list[str]) -> None:
        if fell:
            text = f"fell silent: {some(fell)}; subscribing again"
            self._out.note("warning", "stream_silent", text, streams=fell)
        if back:
            self._out.note("info", "stream_silent_over", f"not silent any more: {some(back)}", streams=back)

    def _miss(self, kind: Kind, streams: Iterable[Stream], now_s: float) -> None:
        """Depth flows, and trades don't."""
        asked = [stream for stream in streams if stream.kind is kind]
        others = [stream.heard_s for stream in streams if stream.kind not in _TRADES and stream.heard_s is not None]
        alarm = self._missing[kind]
        heard = [stream.heard_s for stream in asked if stream.heard_s is not None]
        patience_s = self._options.trade_silence_s
        if not asked or (heard and now_s - max(heard) < patience_s):
            alarm.end(f"{kind.value} messages come", now_s)
        elif others and now_s - max(others) < self._options.silence_s and self._watched_s(asked, now_s) >= patience_s:
            alarm.begin(
                f"no {kind.value} of any symbol for {patience_s:.0f} s while depth flows: either nobody trades,"
                f" or the address serves none{self._cause}; check the WebSocket address",
                now_s,
                stream=kind.value,
            )

    def _watched_s(self, asked: list[Stream], now_s: float) -> float:
        """How long some socket that carries such streams has been up."""
        names = {stream.name for stream in asked}
        since = [
            line.current.opened_s
            for line in self._fleet.lines
            if line.current is not None and line.current.opened_s is not None and names & line.streams.keys()
        ]
        return now_s - min(since, default=now_s)

    def _clocks(self, now_s: float) -> None:
        """Who falls behind, and whose clock is wrong."""
        least: int | None = None
        for socket in self._fleet.sockets.values():
            lag_ms, socket.lag_ms = socket.lag_ms, None
            if lag_ms is None or not socket.up:
                continue
            least = lag_ms if least is None else min(least, lag_ms)
            known_ms = socket.least_lag_ms
            socket.least_lag_ms = lag_ms if known_ms is None else min(known_ms, lag_ms)
            more_ms = lag_ms - socket.least_lag_ms
            # Who catches up is left alone: it has read what had piled up while nobody could take it.
            late = more_ms > self._options.lag_s * 1000 and more_ms >= socket.late_ms
            socket.late_looks = socket.late_looks + 1 if late else 0
            socket.late_ms = more_ms
            if socket.late_looks >= LATE_LOOKS and socket.lived_s(now_s) >= LAG_REST_S:
                self._replace_late(socket, more_ms)
        if least is None:
            return
        self._out.status.lag_ms = least
        if least < BEHIND_MS:
            self._behind.begin(
                f"messages are received {-least} ms before the exchange's clock says they happened: the clock of this"
                " machine is behind, or the exchange's ahead; times are written as they are (check NTP)",
                now_s,
                lag_ms=least,
            )
        elif least >= 0:
            self._behind.end("the clocks agree again", now_s)

    def _replace_late(self, socket: Socket, more_ms: int) -> None:
        line = socket.line
        if socket is not line.current or line.why is not None or line.coming is not None:
            return
        self._out.note(
            "warning",
            "socket_late",
            f"messages of socket {socket.number} ({line}) come {more_ms / 1000:.1f} s later than they once did;"
            " a new one takes its place",
            socket=socket.number,
            more_ms=more_ms,
        )
        self._fleet.rotate(line, "late")
