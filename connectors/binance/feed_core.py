"""The core of a live feed: facts in (opened, frame, closed, fetched, tick), actions out.

Rule 1: it reads no clock, opens nothing, and keeps no thread: equal calls give equal actions.
Rule 2: it wires the parts together and keeps nothing but which symbols are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from connectors.binance.actions import Answer
from connectors.binance.fleet import Fleet
from connectors.binance.gauges import Gauges
from connectors.binance.intake import Intake
from connectors.binance.line import Line
from connectors.binance.options import FeedOptions, stream_kind, stream_problems
from connectors.binance.outbox import Outbox
from connectors.binance.pacing import Patience
from connectors.binance.plan import messages_per_second
from connectors.binance.polling import PURPOSE, Polling, weight_limit
from connectors.binance.rest import Rest
from connectors.binance.snapshots import Snapshots
from connectors.binance.stream import Stream
from connectors.binance.venue import Venue
from connectors.binance.watchdog import Watchdog
from connectors.streams import Kind


class FeedCore:
    """One feed of one venue.

    Args:
        venue: Whose rules hold.
        options: Choices of the user.
        ws_url: Scheme, host and port to connect to.
        rest_url: Scheme, host and port to ask.
        jitter: Random numbers in [0, 1).

    Attributes:
        actions: What the shell is to do, oldest first; it takes them after every call.
        status: Counters and gauges.

    Raises:
        ValueError: ``options`` asks for streams that the venue does not have, or leaves no weight for a snapshot.
    """

    def __init__(
        self, venue: Venue, options: FeedOptions, *, ws_url: str, rest_url: str, jitter: Callable[[], float]
    ) -> None:
        if problems := stream_problems(options.streams, venue):
            raise ValueError("; ".join(problems))
        _check_weight(venue, options)
        out = Outbox()
        self.actions = out.actions
        self.status = out.status
        self._venue = venue
        self._options = options
        self._kinds = {suffix: kind for suffix in options.streams if (kind := stream_kind(suffix, venue))}
        numbers = count(1)
        self._rest = Rest(rest_url.rstrip("/"), weight_limit(venue, options), numbers, out)
        self._fleet = Fleet(venue, options, ws_url.rstrip("/"), numbers=numbers, out=out, jitter=jitter)
        self._snapshots = Snapshots(venue, options, self._rest, out, jitter)
        self._watchdog = Watchdog(venue, options, self._fleet, out)
        interval_s = options.rest_interval_s
        self._polling = None if interval_s is None else Polling(venue, interval_s, self._rest, out)
        self._intake = Intake(self._fleet, self._snapshots, out)
        self._streams = self._intake.streams
        self._lines: dict[str, list[tuple[Line, list[Stream], int]]] = {}  # of each symbol
        self._gauges = Gauges(out.status, self._fleet, self._snapshots, self._rest, self._polling)
        self._stopped = False

    def want(self, symbols: Sequence[str], now_s: float) -> None:
        """The set of symbols (upper case) from now on; the first call starts the feed."""
        wanted = dict.fromkeys(symbols)
        if self._polling is not None:
            self._polling.want(wanted, now_s)
        else:
            for symbol in [symbol for symbol in self._lines if symbol not in wanted]:
                self._remove(symbol)
            added = [symbol for symbol in wanted if symbol not in self._lines]
            for symbol in added:
                self._add(symbol)
            if added and Kind.DIFF in self._kinds.values():
                self._snapshots.explain()
        self._gauges.want(len(wanted), now_s)
        self.tick(now_s)

    def opened(self, socket: int, now_s: float) -> None:
        """A socket is connected."""
        self._fleet.opened(socket, now_s)
        self.tick(now_s)

    def closed(self, socket: int, why: str, now_s: float) -> None:
        """A socket has ended, or could not be connected."""
        self._fleet.closed(socket, why, now_s)
        self.tick(now_s)

    def frame(self, socket: int, data: bytes, recv_ns: int, now_s: float) -> None:
        """One WebSocket message, text or binary, as received at ``recv_ns`` (wall clock)."""
        self._intake.frame(socket, data, recv_ns, now_s)

    def fetched(self, number: int, answer: Answer, recv_ns: int, now_s: float) -> None:
        """What became of a ``Fetch``; received at ``recv_ns`` (wall clock)."""
        found = self._rest.answered(number, answer, now_s)
        if found is None:
            return
        flight, outcome = found
        if flight.purpose == PURPOSE:
            if self._polling is not None:
                self._polling.fetched(flight, outcome, answer, recv_ns, now_s)
        else:
            self._snapshots.fetched(flight, outcome, answer, recv_ns, now_s)

    def tick(self, now_s: float) -> None:
        """Time has passed; about every 100 ms."""
        if self._stopped:
            return
        for flight in self._rest.tick(now_s):
            if self._polling is not None:
                self._polling.lost(flight, now_s)
            else:
                self._snapshots.lost(flight, now_s)
        if self._polling is not None:
            self._polling.tick(now_s)
        else:
            self._fleet.tick(now_s)
            self._intake.tick(now_s)
            self._watchdog.tick(now_s)
            self._snapshots.tick(now_s)
        self._gauges.tick(now_s)

    def stop(self, now_s: float) -> None:
        """Close everything; what still arrives is still written."""
        self._stopped = True
        self._fleet.stop()
        self._gauges.tick(now_s)

    def _add(self, symbol: str) -> None:
        by_path: dict[str, list[str]] = {}
        for suffix, kind in self._kinds.items():
            by_path.setdefault(self._venue.ws_paths[kind], []).append(suffix)
        self._lines[symbol] = []
        for path, suffixes in by_path.items():
            streams = [self._stream(symbol, suffix) for suffix in suffixes]
            rate = sum(messages_per_second(suffix, self._kinds[suffix]) for suffix in suffixes)
            line = self._fleet.add(path, streams, rate, min(stream.patience.seconds for stream in streams))
            self._lines[symbol].append((line, streams, rate))

    def _stream(self, symbol: str, suffix: str) -> Stream:
        kind = self._kinds[suffix]
        stream = Stream(
            f"{symbol.lower()}@{suffix}",
            symbol,
            kind,
            chained=self._venue.chained,
            patience=Patience(self._watchdog.patience_s(kind)),
            book=self._snapshots.add(symbol) if kind is Kind.DIFF else None,
        )
        self._streams[stream.name] = stream
        return stream

    def _remove(self, symbol: str) -> None:
        for line, streams, rate in self._lines.pop(symbol):
            self._fleet.remove(line, streams, rate)
            for stream in streams:
                del self._streams[stream.name]
        self._snapshots.remove(symbol)


def _check_weight(venue: Venue, options: FeedOptions) -> None:
    limit = options.snapshot_limit or venue.snapshot_limits[-1]
    weight, ours = venue.depth_weight(limit), weight_limit(venue, options)
    if weight > ours:
        raise ValueError(
            f"expected a weight_share that pays for a snapshot of {limit} levels ({weight} of {venue.weight_per_minute} a"
            f" minute), received {options.weight_share}, which is {ours}"
        )
