"""A line: the streams that share a socket for ever, and the sockets that carry them one after the other.

Rule 1: a line has one socket, two while one hands over to the next, none while it waits to connect again.
Rule 2: streams belong to the line, not to the socket: what is up follows from what is wanted.
Rule 3: while two sockets carry the same streams, the ids say what came before (``overlapping``).
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.binance.pacing import Backoff, Patience
from connectors.binance.stream import Stream
from connectors.binance.subscription import Subscription


class Socket:
    """One connection, from the wish to have it to its end.

    Attributes:
        number: Its name between core and shell.
        line: Whose streams it carries.
        asked_s: When it was asked for.
        opened_s: When it was connected; None before.
        closing: Whether it was asked to close.
        rotate_s: When the next one is to take over.
        complete_s: Since when all wanted streams are confirmed; None before.
        frame_s: When its last message came, or it was connected.
        seen: Names of the streams that it brought during a hand-over.
        lag_ms: Least receive minus event time since the last look; None without a message.
        least_lag_ms: The least of its life.
        late_ms: By how much more it lagged at the last look.
        late_looks: Looks in a row at which it was late and did not catch up.
    """

    __slots__ = (
        *("asked_s", "closing", "complete_s", "frame_s", "lag_ms", "late_looks", "late_ms", "least_lag_ms"),
        *("line", "number", "opened_s", "rotate_s", "seen", "subscription"),
    )

    def __init__(self, number: int, line: Line, per_second: int, numbers: Iterator[int], now_s: float) -> None:
        self.number = number
        self.line = line
        self.asked_s = now_s
        self.opened_s: float | None = None
        self.closing = False
        self.rotate_s = float("inf")
        self.complete_s: float | None = None
        self.frame_s = now_s
        self.seen: set[str] = set()
        self.lag_ms: int | None = None
        self.least_lag_ms: int | None = None
        self.late_ms = 0
        self.late_looks = 0
        self.subscription = Subscription(per_second, numbers)

    @property
    def up(self) -> bool:
        """Whether it is connected and not asked to close."""
        return self.opened_s is not None and not self.closing

    def lived_s(self, now_s: float) -> float:
        """Seconds since it was connected; 0 when it never was."""
        return 0.0 if self.opened_s is None else now_s - self.opened_s


class Line:
    """Streams of some symbols on one path.

    Attributes:
        path: Of the endpoint.
        streams: By name.
        rate: Estimated messages a second.
        current: The socket that carries them.
        coming: The one that will; None outside of a hand-over.
        overlapping: Whether two sockets may bring the same message now.
        overlap_until_s: When that ends at the latest, once the old socket was asked to close.
        retry_s: Not to connect before.
        why: Why the next socket is wanted; None when it is not.
        patience: Without any message for that long, its socket is taken for dead.
    """

    __slots__ = (
        *("backoff", "coming", "current", "overlap_until_s", "overlapping", "path", "patience"),
        *("rate", "retry_s", "streams", "why"),
    )

    def __init__(self, path: str, patience: Patience) -> None:
        self.path = path
        self.streams: dict[str, Stream] = {}
        self.rate = 0
        self.current: Socket | None = None
        self.coming: Socket | None = None
        self.overlapping = False
        self.overlap_until_s = float("inf")
        self.retry_s = 0.0
        self.why: str | None = None
        self.patience = patience
        self.backoff = Backoff(0.5, 60.0)

    def __str__(self) -> str:
        """For notes.

        >>> str(Line("/stream", Patience(10.0)))
        '/stream with 0 streams'
        """
        return f"{self.path} with {len(self.streams)} streams"
