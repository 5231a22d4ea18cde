"""Judges a disturbed run: what the job wrote against what the fake exchange knows to be true, sent, and did wrong.

Rule 1: a record that is `live` (or `thin`) has the best bid and ask that the exchange's own book had at its update id.
Rule 2: a stretch without a live book has a cause: a fault that touched that symbol, or its connection, just before.
Rule 3: where nothing else went wrong, it ends within two seconds, by one snapshot; unless the weight of a minute is spent.
Rule 4: depth requests of one symbol are a second apart or more.
Rule 5: what was sent is in the raw topic, and nothing else is, but for the last that was on its way when a cable was cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from tests.deployment import Deployment, record
from tests.kafka_reading import Read, read_topic

Row = dict[str, Any]

HEAL_S: Final = 2.0
"""Between the difference that shows a gap and the first live record."""

_NS: Final = 1_000_000_000
_WINDOW_NS: Final = 61 * _NS
"""A minute as the feed counts it, and what an answer may take."""

_OWN_SHARE: Final = 0.8
"""Of the weight, what a feed takes for itself by default."""

_ON_ITS_WAY_NS: Final = 2 * _NS
_BEST: Final = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
_RIGHT: Final = frozenset({"live", "thin"})

_BREAKS: Final = {
    "gap": 2.0,
    "reorder": 2.0,
    "silence": 2.0,
    "stale_snapshot": 2.0,
    "rate_limit": 2.0,
    "ban": 2.0,
    "server_error": 2.0,
    "cut": 8.0,
    "silent_socket": 2.0,
    "expiry": 8.0,
    "shutdown": 8.0,
}
"""Faults after which a book may be without its chain, and how long after their end that may show (s)."""

_DELAYS: Final = {
    "stale_snapshot": 1.5,
    "rate_limit": 4.0,
    "ban": 1.5,
    "server_error": 6.0,
    "cut": 8.0,
    "silent_socket": 2.0,
    "expiry": 8.0,
    "shutdown": 8.0,
    "silence": 0.5,
    "gap": 1.5,
    "reorder": 1.5,
    "slow": 1.0,
}
"""Faults during which healing may take longer, and by how much beyond their own length (s)."""

_OF_ALL: Final = frozenset({"rate_limit", "ban", "server_error"})
_STUBBORN: Final = _OF_ALL | {"stale_snapshot"}
"""These do not only break a book, they stand in the way of its healing."""

_CONTROL: Final = "!serverShutdown"
"""Speaks to the feed, not to whoever reads the topic."""


class Episode(NamedTuple):
    """A stretch of a symbol without a live book, after it had one; ``end_ns`` is None when it never ended."""

    symbol: str
    begin_ns: int
    end_ns: int | None
    snapshots: int

    @property
    def seconds(self) -> float:
        return float("inf") if self.end_ns is None else (self.end_ns - self.begin_ns) / _NS


@dataclass
class Judgement:
    """What was found; the lists are empty when all is well.

    Attributes:
        compared: records that were held against the truth.
        episodes: all of them.
        plain: those during which nothing else went wrong.
        short: those during which the weight of a minute was spent.
        wrong, unexplained, slow, hasty, lost, unknown: by rules 1, 2, 3, 4 and 5 (both halves).
        gaps: the records' own count, by symbol.
    """

    compared: int = 0
    episodes: list[Episode] = field(default_factory=list)
    plain: list[Episode] = field(default_factory=list)
    short: list[Episode] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unexplained: list[Episode] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    hasty: list[str] = field(default_factory=list)
    lost: list[Row] = field(default_factory=list)
    unknown: list[bytes] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        return not (self.wrong or self.unexplained or self.slow or self.hasty or self.lost or self.unknown)

    def __str__(self) -> str:
        longest, waited = (max((one.seconds for one in some), default=0.0) for some in (self.plain, self.short))
        return (
            f"{self.compared:,} live records right, {len(self.wrong)} wrong; {len(self.episodes)} books broke,"
            f" {len(self.plain)} of them with nothing else wrong, healed within {longest:.2f} s; {len(self.short)} waited"
            f" for REST weight, at most {waited:.0f} s; {len(self.slow)} healed late or by more than one snapshot; {len(self.unexplained)} broke without a cause; {len(self.hasty)} hasty"
            f" requests; {len(self.lost)} frames lost, {len(self.unknown)} not sent by the exchange; gaps {self.gaps}"
        )


def judge(deployment: Deployment, truth: Path, sent: Path, state: Mapping[str, Any]) -> Judgement:
    """Judge what the topics of a deployment hold, of a job that has come to the end of its raw topic."""
    raw = list(read_topic(deployment.servers, deployment.raw))
    records: dict[str, list[Row]] = defaultdict(list)
    for message in read_topic(deployment.servers, deployment.metrics):
        row = record(message.value)
        records[row["symbol"]].append(row)
    found = Judgement(gaps={symbol: rows[-1]["gaps"] for symbol, rows in sorted(records.items())})
    best = {(row["symbol"], row["update_id"]): _numbers(row) for row in lines(truth)}
    snapshots = _snapshots(raw)
    for symbol, rows in records.items():
        _compare(found, rows, best)
        found.episodes += episodes(symbol, rows, snapshots.get(symbol, []))
    for episode in found.episodes:
        is_short = short_of_weight(episode, state["depth_requests"], state["weight_limit"])
        _judge_episode(found, episode, state["faults"], is_short=is_short)
    found.hasty = hasty(state["depth_requests"])
    found.lost, found.unknown = _frames(raw, lines(sent), state["faults"])
    return found


def lines(path: Path) -> list[Row]:
    """The documents of a file of JSON lines."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def episodes(symbol: str, rows: Sequence[Row], snapshots: Sequence[int]) -> list[Episode]:
    """The stretches of one symbol without a live book; the one before its first snapshot is none."""
    found: list[Episode] = []
    begin_ns: int | None = None
    was_live = False
    for row in rows:
        if row["state"] == "resyncing" and was_live and begin_ns is None:
            begin_ns = row["receive_time_ns"]
        elif row["state"] in _RIGHT:
            was_live = True
            if begin_ns is not None:
                end_ns = row["receive_time_ns"]
                found.append(Episode(symbol, begin_ns, end_ns, sum(begin_ns <= at <= end_ns for at in snapshots)))
                begin_ns = None
    return found if begin_ns is None else [*found, Episode(symbol, begin_ns, None, 0)]


def hasty(asked: Iterable[Row]) -> list[str]:
    """Depth requests of a symbol that came within a second of the one before."""
    last_ns: dict[str, int] = {}
    found = []
    for row in asked:
        symbol, at_ns = row["symbol"], row["time_ns"]
        if at_ns - last_ns.get(symbol, 0) < _NS:
            found.append(f"{symbol} at {at_ns}: {(at_ns - last_ns[symbol]) / _NS:.3f} s after the one before")
        last_ns[symbol] = at_ns
    return found


def _compare(found: Judgement, rows: Iterable[Row], best: Mapping[tuple[str, int], tuple[float | None, ...]]) -> None:
    for row in rows:
        if row["state"] not in _RIGHT:
            continue
        found.compared += 1
        expected = best.get((row["symbol"], row["update_id"]))
        received = tuple(row[name] for name in _BEST)
        if received != expected:
            found.wrong.append(f"{row['symbol']} at {row['update_id']}: expected {expected}, received {received}")


def _numbers(row: Row) -> tuple[float | None, ...]:
    (bid, bid_quantity), (ask, ask_quantity) = row["bid"] or (None, None), row["ask"] or (None, None)
    return tuple(None if text is None else float(text) for text in (bid, bid_quantity, ask, ask_quantity))


def short_of_weight(episode: Episode, asked: Sequence[Row], limit: int) -> bool:
    """Whether in an episode one more depth request would have been more than a feed allows itself of a minute's weight.

    Its own count is of the last minute; the exchange's, which it believes for a minute, is of the minute of the clock.
    """
    one = max((row["weight"] for row in asked), default=0)
    for at_ns in range(episode.begin_ns, episode.end_ns or episode.begin_ns + _WINDOW_NS, _NS // 4):
        recent = [row for row in asked if at_ns - _WINDOW_NS < row["time_ns"] <= at_ns]
        used = max(sum(row["weight"] for row in recent), recent[-1]["weight_used"] if recent else 0)
        if used + one > _OWN_SHARE * limit:
            return True
    return False


def _judge_episode(found: Judgement, episode: Episode, faults: Iterable[Row], *, is_short: bool = False) -> None:
    causes, delays = [], []
    for fault in faults:
        kind = fault["kind"]
        end_ns = fault["time_ns"] + round(fault["seconds"] * _NS)
        touches = episode.symbol in fault["symbols"]
        if touches and kind in _BREAKS and fault["time_ns"] <= episode.begin_ns <= end_ns + _BREAKS[kind] * _NS:
            causes.append(fault)
        until_ns = end_ns + _DELAYS.get(kind, 0.0) * _NS
        overlaps = fault["time_ns"] <= (episode.end_ns or 1 << 63) and until_ns >= episode.begin_ns
        if (touches or kind in _OF_ALL) and kind in _DELAYS and overlaps:
            delays.append(fault)
    if not causes:
        found.unexplained.append(episode)
    cause = causes[-1] if causes else None
    others = [fault for fault in delays if fault is not cause or fault["kind"] in _STUBBORN]
    if is_short:
        found.short.append(episode)
        return
    if not others:
        found.plain.append(episode)
    allowed_s = HEAL_S + sum(fault["seconds"] + _DELAYS[fault["kind"]] for fault in others)
    if episode.seconds > allowed_s or (not others and episode.snapshots != 1):
        names = [fault["kind"] for fault in delays]
        found.slow.append(f"{episode}, {episode.seconds:.2f} s of {allowed_s:.2f}, beside {names}")


def _snapshots(raw: Iterable[Read]) -> dict[str, list[int]]:
    """Receive times of the snapshots in the raw topic, by symbol."""
    found: dict[str, list[int]] = defaultdict(list)
    for message in raw:
        name, told = (message.value or b"")[:80].partition(b'@snapshot"')[:2]
        if told:
            received = dict(message.headers)["recv_ns"]
            found[name.rpartition(b'"')[2].decode().upper()].append(int(received or b"0"))
    return found


def _frames(raw: Iterable[Read], sent: Sequence[Row], faults: Iterable[Row]) -> tuple[list[Row], list[bytes]]:
    """(frames that are not in the raw topic and were not on their way when their cable was cut, messages not sent)."""
    cuts = {socket: fault["time_ns"] for fault in faults if fault["kind"] == "cut" for socket in fault["sockets"]}
    values = [message.value or b"" for message in raw]
    there = {(len(value), crc32(value)) for value in values}
    known = {(row["length"], row["crc32"]) for row in sent}
    lost = [
        row
        for row in sent
        if row["stream"] != _CONTROL
        and (row["length"], row["crc32"]) not in there
        and row["sent_ns"] < cuts.get(row["socket"], 1 << 63) - _ON_ITS_WAY_NS
    ]
    unknown = [v for v in values if b'@snapshot"' not in v[:80] and (len(v), crc32(v)) not in known]
    return lost, unknown
