"""What the feed counts and sees, as plain numbers: written by the core, read by whoever shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class FeedStatus:
    """Counters since the start (rising) and gauges (as of the last tick).

    Attributes:
        frames: Messages of streams that were written.
        frames_bad: Frames that are no JSON object with a known stream; written without a key.
        repeated: Messages whose id repeats or goes back, outside of a hand-over; written.
        dropped: Messages that both sockets of a hand-over brought, not written the second time.
        gaps: Breaks in the ids of differences.
        snapshots: Snapshots written, by purpose.
        polls: Polled books written.
        fetches_failed: REST answers that could not be used, by reason: ``429``, ``418``, ``5xx``, ``no_answer`` ...
        connects: Connection attempts.
        reconnects: Sockets that ended and are to be replaced, by cause.
        notes: Notes, by kind.
        sockets: Gauge: sockets wanted.
        sockets_up: Gauge: of them, connected.
        streams: Gauge: streams wanted.
        streams_up: Gauge: of them, subscribed, as the exchange said or a message showed.
        streams_silent: Gauge: of them, silent.
        resyncing: Gauge: symbols whose differences wait for a snapshot that joins.
        weight_used: Gauge: REST weight of the last minute.
        weight_limit: Gauge: what we allow ourselves of it.
        lag_ms: Gauge: receive time minus event time, least of the last second; negative where our clock is behind.
        down_since_s: Since when nothing is connected (polling: answered); None while something is.
        last_frame_s: When each symbol's last message came, on the clock of ``now_s``.
    """

    frames: int = 0
    frames_bad: int = 0
    repeated: int = 0
    dropped: int = 0
    gaps: int = 0
    snapshots: Counter[str] = field(default_factory=Counter)
    polls: int = 0
    fetches_failed: Counter[str] = field(default_factory=Counter)
    connects: int = 0
    reconnects: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    sockets: int = 0
    sockets_up: int = 0
    streams: int = 0
    streams_up: int = 0
    streams_silent: int = 0
    resyncing: int = 0
    weight_used: int = 0
    weight_limit: int = 0
    lag_ms: int | None = None
    down_since_s: float | None = None
    last_frame_s: dict[str, float] = field(default_factory=dict)
