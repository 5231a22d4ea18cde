"""All sockets of a feed: opened, subscribed, handed over and replaced, within what the exchange allows.

Rule 1: what should be up is compared with what is up, at each tick; nothing is remembered that must be undone.
Rule 2: a socket that ends, or is about to, takes nothing with it: where there is time the next one is up before
        (lifetime, shutdown, silence, lag), else the line waits a moment and connects again.
Rule 3: never more connection attempts in 5 minutes, never more messages a second than our share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from connectors.binance import plan
from connectors.binance.actions import Close, Open, Send
from connectors.binance.line import Line, Socket
from connectors.binance.options import FeedOptions
from connectors.binance.outbox import Alarm, Outbox
from connectors.binance.pacing import Allowance, Patience
from connectors.binance.stream import Stream
from connectors.binance.venue import Venue

HAND_OVER_S: Final = 10.0
"""The old socket stays that long once the new one is subscribed, for streams that say nothing."""

CONNECTING_S: Final = 30.0
"""A connection that is not there by then is given up."""

CLOSING_S: Final = 15.0
"""The old socket's last messages are looked for that long."""

UNANSWERED: Final = 3
"""Requests without an answer after which a socket is no longer trusted."""


class Fleet:
    """Lines and their sockets.

    Args:
        ws_url: Scheme, host and port.
        numbers: Where the numbers of sockets and messages come from.
        jitter: Random numbers in [0, 1).

    Attributes:
        lines: All of them.
        sockets: By number, until they are closed.
    """

    def __init__(
        self,
        venue: Venue,
        options: FeedOptions,
        ws_url: str,
        *,
        numbers: Iterator[int],
        out: Outbox,
        jitter: Callable[[], float],
    ) -> None:
        self._options = options
        self._ws_url = ws_url
        self._numbers = numbers
        self._out = out
        self._jitter = jitter
        self._most_streams = min(options.streams_per_connection or 1 << 30, venue.streams_per_connection)
        # Two windows that the network squeezes into one stay below the limit, pongs included.
        self._per_second = max(1, (venue.incoming_per_second - 1) // 2)
        share = max(1, int(venue.connections_per_5_minutes * options.connect_share))
        self._connects = Allowance(share, 300.0)
        self._waiting = Alarm(out, "connect_limit")
        self._stopped = False
        self.lines: list[Line] = []
        self.sockets: dict[int, Socket] = {}

    def add(self, path: str, streams: list[Stream], rate: int, patience_s: float) -> Line:
        """Carry the streams of one symbol on one path; returns their line."""
        line = plan.line_with_room(
            self.lines,
            path,
            len(streams),
            rate,
            most_streams=self._most_streams,
            most_messages=self._options.messages_per_connection,
        )
        if line is None:
            line = Line(path, Patience(patience_s))
            self.lines.append(line)
        line.streams.update((stream.name, stream) for stream in streams)
        line.rate += rate
        return line

    def remove(self, line: Line, streams: Iterable[Stream], rate: int) -> None:
        """Carry them no more."""
        for stream in streams:
            del line.streams[stream.name]
        line.rate -= rate

    def opened(self, number: int, now_s: float) -> None:
        """A socket is connected."""
        socket = self.sockets.get(number)
        if socket is None:
            return
        lifetime_s = self._options.lifetime_s
        socket.opened_s = socket.frame_s = now_s
        socket.rotate_s = now_s + lifetime_s - lifetime_s / 48 * (1.0 + self._jitter())
        socket.line.overlapping = socket.line.overlapping or socket is socket.line.coming
        self._out.note("info", "socket_open", f"socket {number} is connected: {self._ws_url}{socket.line}")

    def closed(self, number: int, why: str, now_s: float) -> None:
        """A socket has ended, or could not be connected."""
        socket = self.sockets.pop(number, None)
        if socket is None:
            return
        line = socket.line
        if socket is line.coming:
            line.coming = None
            if socket.opened_s is not None:
                line.overlap_until_s = now_s + CLOSING_S
        elif socket is line.current:
            self._promote(line, now_s)
        else:
            return  # the old one of a hand-over
        if self._stopped or not line.streams:
            return
        wait_s = line.backoff.failed(socket.lived_s(now_s), self._jitter())
        line.retry_s = now_s + wait_s
        self._out.status.reconnects["closed" if socket.opened_s is not None else "failed"] += 1
        self._tell(socket, why, wait_s, now_s)

    def answered(self, number: int, request: int, error: str | None, now_s: float) -> None:
        """The exchange answered a message that socket ``number`` sent."""
        socket = self.sockets.get(number)
        asked = socket.subscription.answered(request, error, now_s) if socket is not None else None
        if asked is not None and error is not None:
            self._out.note(
                "warning",
                "refused",
                f"expected socket {number} to take {asked.method} of {len(asked.streams)} streams, received: {error};"
                " asking again, in smaller portions",
                streams=list(asked.streams[:5]),
            )

    def rotate(self, line: Line, why: str) -> None:
        """Replace the line's socket, the next one first. Told again, it changes nothing."""
        if line.current is not None and line.current.up and line.coming is None and line.why is None:
            line.why = why

    def shutdown(self, number: int) -> None:
        """The exchange says that this socket will end."""
        socket = self.sockets.get(number)
        if socket is None or socket.closing or socket.line.why == "shutdown":
            return
        self._out.note("info", "server_shutdown", f"the exchange will end socket {number}; the next one takes over")
        self._replace(socket, "shutdown")

    def tick(self, now_s: float) -> None:
        """Make what is up what should be up."""
        if self._stopped:
            return
        for line in list(self.lines):
            if line.streams:
                self._keep(line, now_s)
            else:
                self._drop(line)

    def stop(self) -> None:
        """Close all sockets and open none."""
        self._stopped = True
        for socket in self.sockets.values():
            self._close(socket, "stopped")

    def _keep(self, line: Line, now_s: float) -> None:
        current = line.current
        if current is None:
            line.current = self._open(line, now_s)
            return
        if current.up and line.coming is None:
            if now_s >= current.rotate_s:
                self.rotate(line, "lifetime")
            if line.why is not None and (coming := self._open(line, now_s)) is not None:
                line.coming = coming
                self._out.status.reconnects[line.why] += 1
        for socket in (line.current, line.coming):
            if socket is not None:
                self._tend(socket, now_s)
        if line.coming is not None and line.current is not None and _took_over(line.coming, now_s):
            self._close(line.current, line.why or "replaced")
            line.current, line.coming, line.why = line.coming, None, None
            line.overlap_until_s = now_s + CLOSING_S
        if line.coming is None and now_s >= line.overlap_until_s:
            line.overlapping, line.overlap_until_s = False, float("inf")

    def _tend(self, socket: Socket, now_s: float) -> None:
        """Subscribe what is wanted; give up what does not answer."""
        if socket.closing:
            return
        if socket.opened_s is None:
            if now_s - socket.asked_s >= CONNECTING_S:
                self._close(socket, f"not connected within {CONNECTING_S:.0f} s")
            return
        subscription = socket.subscription
        wanted = socket.line.streams.keys()
        if subscription.overdue(now_s):
            self._out.note("warning", "unanswered", f"socket {socket.number} got no answer to a subscription in time")
        if subscription.unanswered >= UNANSWERED:
            subscription.unanswered = 0
            self._replace(socket, "unanswered")
        for text in subscription.messages(wanted, now_s):
            self._out.actions.append(Send(socket.number, text))
        if subscription.confirmed >= wanted:
            socket.complete_s = now_s if socket.complete_s is None else socket.complete_s
        else:
            socket.complete_s = None

    def _replace(self, socket: Socket, why: str) -> None:
        if socket is socket.line.current:
            self.rotate(socket.line, why)
        else:
            self._close(socket, why)

    def _open(self, line: Line, now_s: float) -> Socket | None:
        """A new socket of ``line``, when the line may try again and the exchange allows it."""
        if now_s < line.retry_s:
            return None
        if not self._connects.room(now_s):
            self._waiting.begin(f"{self._connects.limit} connections in 5 minutes are ours; the next one waits", now_s)
            return None
        self._waiting.end("connections are possible again", now_s)
        self._connects.take(1, now_s)
        socket = Socket(next(self._numbers), line, self._per_second, self._numbers, now_s)
        self.sockets[socket.number] = socket
        self._out.status.connects += 1
        self._out.actions.append(Open(socket.number, self._ws_url + line.path))
        return socket

    def _close(self, socket: Socket, why: str) -> None:
        if not socket.closing:
            socket.closing = True
            self._out.actions.append(Close(socket.number, why))

    def _drop(self, line: Line) -> None:
        """A line without streams: close its sockets, then forget it."""
        for socket in (line.current, line.coming):
            if socket is not None:
                self._close(socket, "no symbol is left")
        if line.current is None and line.coming is None:
            self.lines.remove(line)

    def _promote(self, line: Line, now_s: float) -> None:
        """The line's socket ended: the next one is it, and what that one did not bring yet begins anew."""
        line.current, line.coming, line.why = line.coming, None, None
        # The next one may still bring what the old one brought before it ended.
        line.overlap_until_s = now_s + CLOSING_S
        seen = line.current.seen if line.current is not None else set()
        for stream in line.streams.values():
            if stream.book is not None and stream.name not in seen:
                stream.book.fresh = True

    def _tell(self, socket: Socket, why: str, wait_s: float, now_s: float) -> None:
        address = self._ws_url + str(socket.line)
        if socket.opened_s is None:
            kind, happened = "connect_failed", f"expected a connection to {address}, received: {why}"
        else:
            kind, happened = "socket_closed", f"{address}: closed after {socket.lived_s(now_s):.0f} s: {why}"
        follows = "the next one is coming" if socket.line.current is not None else f"again in {wait_s:.1f} s"
        self._out.note(
            "warning", kind, f"socket {socket.number}: {happened}; {follows}", socket=socket.number, wait_s=wait_s
        )


def _took_over(coming: Socket, now_s: float) -> bool:
    """Whether the next socket brings all that the old one did."""
    if not coming.up or coming.complete_s is None:
        return False
    streams = coming.line.streams
    if coming.seen >= streams.keys() and not any(stream.held for stream in streams.values()):
        return True
    return now_s - coming.complete_s >= HAND_OVER_S
