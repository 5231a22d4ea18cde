"""The gauges of a feed: what is up, silent, waiting and used, put into its status.

Rule 1: whether anything is up is looked at in each tick, since somebody may give up on it; the rest once a second.
"""

from __future__ import annotations

from connectors.binance.fleet import Fleet
from connectors.binance.polling import Polling
from connectors.binance.rest import Rest
from connectors.binance.snapshots import Snapshots
from connectors.binance.status import FeedStatus

EVERY_S = 1.0


class Gauges:
    """Reads the parts of a core; writes ``FeedStatus``."""

    def __init__(
        self, status: FeedStatus, fleet: Fleet, snapshots: Snapshots, rest: Rest, polling: Polling | None
    ) -> None:
        self._status = status
        self._fleet = fleet
        self._snapshots = snapshots
        self._rest = rest
        self._polling = polling
        self._symbols = 0
        self._next_s = float("-inf")
        status.weight_limit = rest.weight_limit

    def want(self, symbols: int, now_s: float) -> None:
        """So many symbols are wanted from now on; while there was none, nothing could be up."""
        if symbols and not self._symbols:
            self._status.down_since_s = now_s
            if self._polling is not None:
                self._polling.down_since_s = now_s
        self._symbols = symbols

    def tick(self, now_s: float) -> None:
        """Set what has changed."""
        self._connected(now_s)
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            self._count(now_s)

    def _connected(self, now_s: float) -> None:
        status = self._status
        status.sockets_up = sum(socket.up for socket in self._fleet.sockets.values())
        if not self._symbols or status.sockets_up:
            status.down_since_s = None
        elif self._polling is not None:
            status.down_since_s = self._polling.down_since_s
        elif status.down_since_s is None:
            status.down_since_s = now_s

    def _count(self, now_s: float) -> None:
        status = self._status
        lines = self._fleet.lines
        status.sockets = len(lines)
        status.streams = sum(len(line.streams) for line in lines)
        status.streams_up = sum(
            len(line.current.subscription.confirmed) for line in lines if line.current is not None and line.current.up
        )
        status.resyncing = self._snapshots.resyncing()
        status.weight_used = self._rest.used(now_s)
        if self._polling is not None:
            return
        last_s: dict[str, float] = {}
        for line in lines:
            for stream in line.streams.values():
                if stream.heard_s is not None:
                    last_s[stream.symbol] = max(stream.heard_s, last_s.get(stream.symbol, stream.heard_s))
        status.last_frame_s.clear()
        status.last_frame_s.update(last_s)
