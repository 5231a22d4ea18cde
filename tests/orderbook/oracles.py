"""One slow, obvious oracle for each field of the record, written from docs/metrics.md alone.

``narrate`` reads all that an instrument was told and gives one ``Moment`` a record: books are plain dicts, rebuilt from
a snapshot and every difference since; nothing is optimised. An oracle says what a field must be at a moment. Window
sums are exact, rounded once; sums over levels are added one by one from the best level outwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import takewhile
from math import fsum, inf
from typing import Any, TypeAlias

from orderbook import Diff, MeasureConfig, Partial, Quote, Snapshot, Trade
from orderbook.audit import BookAudit
from orderbook.quotes import QuoteTally
from tests.orderbook.evidence import Quoted
from tests.orderbook.feeds import TOPIC, Book, Told

MINUTE_MS = 60_000

Levels: TypeAlias = list[tuple[float, float]]
Near: TypeAlias = list[float | None]
NOT_NEAR: Near = [None] * 6


@dataclass
class Whole:
    """A book at one message: all that is known of it, best first."""

    bids: Levels
    asks: Levels

    @property
    def state(self) -> str:
        if not self.bids and not self.asks:
            return "empty"
        if not self.bids or not self.asks:
            return "one_sided"
        return "crossed" if self.bids[0][0] >= self.asks[0][0] else "live"


@dataclass
class Moment:
    """A record's place in history: all that was known when its message had been taken in.

    ``bids`` and ``asks`` are the levels that count, best first; ``events`` and ``trades`` what the windows hold.
    """

    config: MeasureConfig
    instrument: str
    number: int
    message: Partial | Diff
    state: str
    bids: Levels
    asks: Levels
    events: list[float]
    trades: list[float]
    gaps: int
    before: Whole | None
    decayed: dict[int, float]
    clock: int
    event_times: list[int]
    events_cut_off: int
    events_1s: list[float]
    trades_1s: list[float]
    near: list[float | None]


@dataclass
class Past:
    """The books of one kind (partial or rebuilt) so far: the last one that counts, and what aggressors did."""

    estimator: str
    before: Whole | None = None
    events: list[float] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    cut_off: list[bool] = field(default_factory=list)
    second: list[tuple[int, float]] = field(default_factory=list)
    clock: int = 0
    seen_at: int = 0
    decayed: dict[int, float] = field(default_factory=lambda: {500: 0.0, 2_000: 0.0})
    resets: int = 0

    def tick(self, ms: int) -> None:
        """Time stands still where it goes back, unless by more than a minute."""
        if self.clock - ms > MINUTE_MS:
            self.resets += 1
            self.clock = self.seen_at = ms
            self.times = [min(time, ms) for time in self.times]
            self.second = []
        self.clock = max(self.clock, ms)

    def see(self, now: Whole, known: tuple[float, float] | None = None) -> Whole | None:
        """Take a book; the one that it is compared with. ``known``: the worst prices known, else those of the book."""
        if now.state == "crossed":
            return None
        before, self.before = self.before, now
        for tau in self.decayed:
            self.decayed[tau] *= decay(self.clock - self.seen_at, tau)
        self.seen_at = self.clock
        if before is not None:
            for event in aggression(self.estimator, before, now):
                self.events.append(event)
                self.times.append(self.clock)
                self.cut_off.append(self.estimator == "swept" and beyond(event, before, now, known))
                self.second.append((self.clock, event))
            for tau in self.decayed:
                self.decayed[tau] += pressure(before, now)
        return before


def beyond(event: float, before: Whole, now: Whole, known: tuple[float, float] | None) -> bool:
    """Whether buyers or sellers, as the event tells, reached behind the last level that was known of the other side."""
    worst_bid, worst_ask = known or (best(before.bids[-1:], -inf)[0], best(before.asks[-1:], inf)[0])
    return now.bids[0][0] > worst_ask if event > 0 else now.asks[0][0] < worst_bid


def decay(ms: int, tau: int) -> float:
    """exp(-ms / tau), to the last bit."""
    return float((Decimal(-ms) / tau).exp(Context(prec=60)))


def pressure(before: Whole, now: Whole) -> float:
    """Cont, Kukanov, Stoikov: what came to the best bid and went from the best ask."""
    (bid, bid_quantity), (bid_before, bid_quantity_before) = best(now.bids, -inf), best(before.bids, -inf)
    (ask, ask_quantity), (ask_before, ask_quantity_before) = best(now.asks, inf), best(before.asks, inf)
    return add(
        [
            bid_quantity * (bid >= bid_before),
            -bid_quantity_before * (bid <= bid_before),
            -ask_quantity * (ask <= ask_before),
            ask_quantity_before * (ask >= ask_before),
        ]
    )


def best(levels: Levels, absent: float) -> tuple[float, float]:
    return levels[0] if levels else (absent, 0.0)


def pressure_over_levels(m: Moment) -> float | None:
    """What came to the bids and went from the asks, at prices that both books show."""
    if m.before is None or not _meaningful(m):
        return None
    depth = min(m.config.depth_levels, 10)
    changes = []
    for now, before, sign in ((m.bids[:depth], m.before.bids[:depth], 1), (m.asks[:depth], m.before.asks[:depth], -1)):
        ends = [levels[-1][0] * sign for levels in (now, before) if len(levels) in {5, depth}]
        seen = [[q for price, q in levels if price * sign >= max(ends, default=-inf)] for levels in (now, before)]
        changes.append(add(seen[0]) - add(seen[1]))
    return changes[0] - changes[1]


def aggression(estimator: str, before: Whole, now: Whole) -> list[float]:
    """The one event, or none, that lies between two books."""
    if now.bids and before.asks:
        bid, ask = now.bids[0][0], before.asks[0][0]
        if estimator == "price_gap" and bid > ask:
            return [bid - ask]
        if estimator == "swept" and bid >= ask:
            return [add(quantity for price, quantity in before.asks if price <= bid)]
    if now.asks and before.bids:
        ask, bid = now.asks[0][0], before.bids[0][0]
        if estimator == "price_gap" and ask < bid:
            return [ask - bid]
        if estimator == "swept" and ask <= bid:
            return [-add(quantity for price, quantity in before.bids if price >= ask)]
    return []


def add(numbers: Iterable[float]) -> float:
    """One after the other, from the left (the built-in ``sum`` is compensated from Python 3.12 on)."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def exactly(numbers: Iterable[float]) -> float:
    """The exact sum, rounded once."""
    return fsum(numbers)


class Rebuilt:
    """The full book of one instrument as Binance's documents tell to keep it: a snapshot, and the differences after it."""

    def __init__(self, depth_levels: int, book_levels: int) -> None:
        self.depth_levels = depth_levels
        self.book_levels = book_levels
        self.chain: list[Diff] = []  # taken since the last break, each following the one before
        self.seed: Snapshot | None = None
        self.applied = 0  # differences of the chain that came after the seed
        self.spare: Snapshot | None = None  # newer than the book when it came: good for the next break
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.ordered: Whole | None = None  # None: they have changed
        self.known = (0.0, inf)  # the worst bid and the worst ask that the seed tells
        self.clock = 0
        self.gaps = 0
        self.resets = 0
        self.audits: list[BookAudit] = []
        self.skipped = 0
        self.mended = False  # since that was last set back

    @property
    def whole(self) -> bool:
        return self.seed is not None and self.applied > 0

    def last(self) -> int | None:
        if self.seed is not None and not self.applied:
            return self.seed.update_id
        return self.chain[-1].update_id if self.chain else None

    def diff(self, diff: Diff) -> str:
        """``stale``, ``resyncing`` or ``whole``."""
        last = self.last()
        if last is not None and self.old(diff, last):
            if not self.clock or clock(diff) - self.clock <= MINUTE_MS:
                return "stale"
            self.resets += 1
            self.gaps += 1
            self.spare = None
            self.forget()
        elif last is not None and not self.adjoins(diff, last):
            self.gaps += bool(self.chain)
            self.forget()
        self.clock = clock(diff)
        self.chain.append(diff)
        if self.seed is not None:
            self.apply(diff)
            if self.spare is not None and self.spare.update_id <= diff.update_id:
                self.audit(self.spare)
                self.spare = None
        elif self.spare is not None:
            self.start(self.spare)
        return "whole" if self.whole else "resyncing"

    def snapshot(self, snapshot: Snapshot) -> None:
        last = self.last() if self.seed is not None else None
        newer = last is None or snapshot.update_id > last
        if not self.whole:
            if newer:
                self.start(snapshot)
        elif newer:
            self.skipped += self.spare is not None
            self.spare = snapshot
        else:
            self.audit(snapshot)

    def audit(self, snapshot: Snapshot) -> None:
        """Bring the snapshot forward by what was told since, compare what both know, and believe it as far as it goes."""
        assert self.seed is not None
        kept = self.chain[-64:]
        while len(kept) > 1 and sum(len(diff.bids) + len(diff.asks) for diff in kept) > 4_000:
            kept = kept[1:]
        before_kept = self.seed if len(kept) == len(self.chain) else self.chain[-1 - len(kept)]
        if snapshot.update_id < before_kept.update_id:
            self.skipped += 1
            return
        told = dict(snapshot.bids), dict(snapshot.asks)
        for diff in self.chain:
            if diff.update_id > snapshot.update_id:
                change(told[0], diff.bids)
                change(told[1], diff.asks)
        bid_end, ask_end = known_by(snapshot, 0, {5, 10})
        bid_known, ask_known = max(bid_end, self.known[0]), min(ask_end, self.known[1])
        prices = [(self.bids, told[0], price) for price in self.bids.keys() | told[0].keys() if price >= bid_known]
        prices += [(self.asks, told[1], price) for price in self.asks.keys() | told[1].keys() if price <= ask_known]
        equal = [price for own, other, price in prices if own.get(price) == other.get(price)]
        before, self.ordered = self.book(), None
        self.bids = {p: q for p, q in self.bids.items() if p < bid_end} | {
            p: q for p, q in told[0].items() if p >= bid_end
        }
        self.asks = {p: q for p, q in self.asks.items() if p > ask_end} | {
            p: q for p, q in told[1].items() if p <= ask_end
        }
        self.known = min(bid_end, self.known[0]), max(ask_end, self.known[1])
        changed = self.book() != before
        self.prune()
        self.audits.append(BookAudit(len(prices), len(equal), changed))
        self.mended = self.mended or changed

    def old(self, diff: Diff, last: int) -> bool:
        """Spot drops u <= lastUpdateId, futures u < lastUpdateId; what was taken already is always old."""
        futures_join = self.seed is not None and not self.applied and diff.previous_id is not None
        return diff.update_id < last if futures_join else diff.update_id <= last

    def adjoins(self, diff: Diff, last: int) -> bool:
        """Spot: U <= last + 1. Futures: pu is the last u; or, next to a snapshot, U <= lastUpdateId as well."""
        if diff.previous_id is None:
            return diff.first_id <= last + 1
        at_snapshot = self.seed is not None and not self.applied
        return diff.previous_id == last or (at_snapshot and diff.first_id <= last)

    def start(self, snapshot: Snapshot) -> None:
        """Take the snapshot if the differences of the chain that it lacks begin right after it."""
        seed, applied, chain = self.seed, self.applied, self.chain
        self.seed, self.applied = snapshot, 0
        newer = [diff for diff in chain if not self.old(diff, snapshot.update_id)]
        if newer and not self.adjoins(newer[0], snapshot.update_id):
            self.seed, self.applied = seed, applied
            return
        self.spare = None
        self.bids, self.asks, self.ordered = dict(snapshot.bids), dict(snapshot.asks), None
        self.known = known_by(snapshot, self.depth_levels)
        self.prune()
        self.chain = newer
        for diff in newer:
            self.apply(diff)

    def apply(self, diff: Diff) -> None:
        change(self.bids, diff.bids)
        change(self.asks, diff.asks)
        self.ordered = None
        self.applied += 1
        self.prune()

    def prune(self) -> None:
        """Of more than 5/4 of the levels that are kept only the best stay, and no more is known for certain."""
        book, (worst_bid, worst_ask) = self.book(), self.known
        bids, asks = book.bids[: self.book_levels], book.asks[: self.book_levels]
        if len(book.bids) > self.book_levels * 5 / 4:
            self.bids, self.ordered, worst_bid = dict(bids), None, max(worst_bid, bids[-1][0])
        if len(book.asks) > self.book_levels * 5 / 4:
            self.asks, self.ordered, worst_ask = dict(asks), None, min(worst_ask, asks[-1][0])
        self.known = worst_bid, worst_ask

    def forget(self) -> None:
        self.chain, self.seed, self.applied = [], None, 0

    def book(self) -> Whole:
        """In order; sorted once after each change, since half of what this module takes is sorting."""
        if self.ordered is None:
            self.ordered = Whole(sorted(self.bids.items(), reverse=True), sorted(self.asks.items()))
            self.bids, self.asks = dict(self.ordered.bids), dict(self.ordered.asks)  # soon sorted again
        return self.ordered

    def certain(self, count: int) -> bool:
        """Whether nothing unknown can be among the ``count`` best levels of either side."""
        book, (worst_bid, worst_ask) = self.book(), self.known
        bids = [price for price, _ in book.bids[:count] if price >= worst_bid]
        asks = [price for price, _ in book.asks[:count] if price <= worst_ask]
        return (worst_bid == 0.0 or len(bids) == count) and (worst_ask == inf or len(asks) == count)

    def state(self) -> str:
        state = self.book().state
        return "thin" if state == "live" and not self.certain(self.depth_levels) else state


def change(side: dict[float, float], changes: Levels) -> None:
    """Quantities are absolute, zero is no level."""
    for price, quantity in changes:
        side.pop(price, None)
        if quantity:
            side[price] = quantity


def known_by(snapshot: Snapshot, depth_levels: int, more_limits: Iterable[int] = ()) -> tuple[float, float]:
    """The worst bid and the worst ask of a snapshot; 0.0 and infinity where it tells all that there are."""
    limits = {20, 50, 100, 500, 1000, 5000, *more_limits}
    bids, asks = ([price for price, _ in side] for side in (snapshot.bids, snapshot.asks))
    cut_bids, cut_asks = (len(side) in limits and len(side) >= depth_levels for side in (bids, asks))
    return (min(bids) if cut_bids else 0.0), (max(asks) if cut_asks else inf)


class Printed:
    """The trades of one instrument."""

    def __init__(self) -> None:
        self.counted: list[Trade] = []
        self.signed: list[float] = []
        self.clock = 0
        self.second: list[tuple[int, float]] = []
        self.notices: Counter[str] = Counter()

    def take(self, trade: Trade) -> str:
        """Under which name the trade is ignored: no trade is a record."""
        if self.counted:
            if trade.aggregate != self.counted[0].aggregate:
                self.notices["trade_other_kind"] += 1
                return "trade"
            if trade.trade_id <= self.counted[-1].trade_id:
                if trade.clock_ms - self.counted[-1].clock_ms <= MINUTE_MS:
                    return "stale"
                self.notices["id_reset"] += 1
        self.counted.append(trade)
        if self.clock - trade.clock_ms > MINUTE_MS:
            self.notices["clock_reset"] += 1
            self.clock, self.second = trade.clock_ms, []
        self.clock = max(self.clock, trade.clock_ms)
        if trade.market:
            self.signed.append(trade.quantity)
            self.second.append((self.clock, trade.quantity))
        else:
            self.notices["trade_not_market"] += 1
        return "trade"


def clock(event: Partial | Diff) -> int:
    """Event time, else the time of receipt, else Kafka's."""
    if event.event_time_ms is not None:
        return event.event_time_ms
    if event.receive_time_ns is not None:
        return event.receive_time_ns // 1_000_000
    return event.timestamp_ms


@dataclass
class Narration:
    """What a history comes to."""

    moments: list[Moment]
    ignored: Counter[str]
    notices: Counter[str]
    quotes: QuoteTally
    audits: list[BookAudit]


def near_mid(
    now: Whole, size: float | None, known: tuple[float, float], total: Callable[[Iterable[float]], float]
) -> Near:
    """Worth within 5, 10, 25 basis points of mid, bids and asks; None where more may lie there than is known."""
    if now.state != "live":
        return NOT_NEAR
    mid = (now.asks[0][0] + now.bids[0][0]) / 2
    found: Near = []
    for bps in (5, 10, 25):
        lowest, highest = mid - mid * bps / 10_000, mid + mid * bps / 10_000
        bids = takewhile(lowest.__le__, (price for price, _ in now.bids))
        asks = takewhile(highest.__ge__, (price for price, _ in now.asks))
        for inside, levels, reaches in ((bids, now.bids, known[0] <= lowest), (asks, now.asks, known[1] >= highest)):
            worth = [(p if size is None else size) * q for p, q in levels[: len(list(inside))]]
            found.append(total(worth) if reaches else None)
    return found


def lately(held: list[tuple[int, float]], now: int) -> list[tuple[int, float]]:
    """What is not older than a second; a clock that was wrong may have thrown away more."""
    return [(at, amount) for at, amount in held if at > now - 1_000]


def amounts(held: list[tuple[int, float]]) -> list[float]:
    return [amount for _, amount in held]


def narrate(config: MeasureConfig, instrument: str, told: Iterable[Told]) -> Narration:
    """Read a whole history."""
    moments: list[Moment] = []
    ignored: Counter[str] = Counter()
    partials, diffs = Past(config.delta_estimator), Past(config.delta_estimator)
    rebuilt, printed, quoted = Rebuilt(config.depth_levels, config.book_levels), Printed(), Quoted()
    newest: Partial | None = None
    resets = 0

    def moment(
        message: Partial | Diff,
        state: str,
        now: Whole,
        past: Past,
        before: Whole | None = None,
        *,
        near: Near = NOT_NEAR,
    ) -> Moment:
        depth, last = config.depth_levels, config.delta_volume_window
        printed.second = lately(printed.second, max(printed.clock, partials.clock, diffs.clock))
        if state not in {"crossed", "resyncing"}:
            past.second = lately(past.second, past.clock)
        return Moment(
            config, instrument, len(moments) + 1, message, state, now.bids[:depth], now.asks[:depth],
            past.events[-last:], printed.signed[-last:], rebuilt.gaps, before, dict(past.decayed), past.clock,
            past.times[-last:], sum(past.cut_off[-last:]), amounts(past.second), amounts(printed.second), near,
        )  # fmt: skip

    for item in told:
        if isinstance(item, Trade):
            ignored[printed.take(item)] += 1
        elif isinstance(item, Quote):
            quoted.quote(item, whole=rebuilt.whole)
            ignored["book_ticker"] += 1
        elif isinstance(item, Snapshot):
            quoted.forget()
            rebuilt.snapshot(item)
            if rebuilt.mended:
                diffs.before = None
            ignored["snapshot"] += 1
        elif isinstance(item, Book):
            event = item.event
            if event.update_id is not None:
                if newest is not None and event.update_id < (newest.update_id or 0):
                    if clock(event) - clock(newest) <= MINUTE_MS:
                        ignored["stale"] += 1
                        continue
                    resets += 1
                newest = event
            now = Whole(item.bids[: config.depth_levels], item.asks[: config.depth_levels])
            partials.tick(clock(event))
            near = near_mid(
                now, worth_of(config, instrument), (best(now.bids[-1:], inf)[0], best(now.asks[-1:], -inf)[0]), add
            )
            moments.append(moment(event, now.state, now, partials, partials.see(now), near=near))
        else:
            before = rebuilt.gaps, rebuilt.whole
            resets_before = rebuilt.resets
            outcome = rebuilt.diff(item)
            if outcome == "stale":
                ignored["stale"] += 1
                continue
            if rebuilt.gaps != before[0]:
                quoted.forget()
            if rebuilt.resets != resets_before:
                quoted.restart()
            if rebuilt.mended:
                diffs.before = None
            rebuilt.mended = False
            if before[1] and not (rebuilt.whole and rebuilt.gaps == before[0]):
                diffs.before = None  # a resync forgets the predecessor, not the window
            diffs.tick(clock(item))
            if outcome == "resyncing":
                moments.append(moment(item, outcome, Whole([], []), diffs))
            else:
                now = rebuilt.book()
                near = near_mid(now, worth_of(config, instrument), rebuilt.known, fsum)
                moments.append(moment(item, rebuilt.state(), now, diffs, diffs.see(now, rebuilt.known), near=near))
                if now.state == "live" and rebuilt.certain(1):
                    quoted.book(item.update_id, (*now.bids[0], *now.asks[0]))
    notices = printed.notices + Counter({"gap": rebuilt.gaps, "id_reset": resets + rebuilt.resets})
    notices += Counter(
        audit=len(rebuilt.audits),
        audit_repaired=len([audit for audit in rebuilt.audits if audit.equal < audit.compared]),
        audit_skipped=rebuilt.skipped,
        clock_reset=partials.resets + diffs.resets,
    )
    return Narration(moments, ignored, notices, quoted.tally(), rebuilt.audits)


Oracle: TypeAlias = Callable[[Moment], Any]


def _live(m: Moment) -> bool:
    return m.state in {"live", "thin"}


def _meaningful(m: Moment) -> bool:
    return m.state not in {"crossed", "resyncing"}


def _any_level(m: Moment) -> bool:
    return _meaningful(m) and bool(m.bids or m.asks)


def _volume(levels: Levels) -> float:
    return add(quantity for _, quantity in levels)


def worth_of(config: MeasureConfig, instrument: str) -> float | None:
    """Contract size of COIN-M, by symbol."""
    venue, symbol = instrument.split(":")
    if venue != "binance-coinm":
        return None
    if symbol in config.contract_sizes:
        return config.contract_sizes[symbol]
    return 100.0 if symbol.startswith("BTCUSD") else 10.0


def _notional(m: Moment, levels: Levels) -> float:
    size = worth_of(m.config, m.instrument)
    return add((price if size is None else size) * quantity for price, quantity in levels)


def _imbalance(m: Moment) -> float | None:
    b, a = _volume(m.bids), _volume(m.asks)
    return (b - a) / (b + a) if _any_level(m) else None


def _imbalance_of(m: Moment, count: int) -> float | None:
    b, a = _volume(m.bids[:count]), _volume(m.asks[:count])
    return (b - a) / (b + a) if _any_level(m) else None


def _span(m: Moment, levels: Levels) -> float | None:
    mid = _mid(m)
    return None if mid is None else abs(levels[-1][0] - mid) / mid * 10_000


def _ratio(m: Moment) -> float | None:
    if not _any_level(m):
        return None
    if not m.asks:
        return 2.0
    return min(_notional(m, m.bids) / _notional(m, m.asks), 2.0)


def _large(m: Moment) -> float | None:
    limit = m.config.large_order_threshold_pct * (_volume(m.bids) + _volume(m.asks))
    count = len([quantity for _, quantity in m.bids + m.asks if quantity > limit])
    return min(count / 5, 1) if _any_level(m) else None


def _mid(m: Moment) -> float | None:
    return (m.asks[0][0] + m.bids[0][0]) / 2 if _live(m) else None


def _spread(m: Moment) -> float | None:
    return (m.asks[0][0] - m.bids[0][0]) / ((m.asks[0][0] + m.bids[0][0]) / 2) * 100 if _live(m) else None


def _micro(m: Moment) -> float | None:
    if not _live(m):
        return None
    (b1, qb1), (a1, qa1) = m.bids[0], m.asks[0]
    return (a1 * qb1 + b1 * qa1) / (qb1 + qa1)


def _best(levels: Levels, which: int) -> float | None:
    return levels[0][which] if levels else None


ORACLES: dict[str, Oracle] = {
    "schema": lambda m: 1,
    "venue": lambda m: m.instrument.split(":")[0],
    "symbol": lambda m: m.instrument.split(":")[1],
    "seq": lambda m: m.number,
    "event_time_ms": lambda m: m.message.event_time_ms,
    "transaction_time_ms": lambda m: m.message.transaction_time_ms,
    "receive_time_ns": lambda m: m.message.receive_time_ns,
    "update_id": lambda m: m.message.update_id,
    "orderflow_imbalance": _imbalance,
    "delta_volume": lambda m: exactly(m.events) if _meaningful(m) else None,
    "bid_ask_spread_pct": _spread,
    "order_book_depth_ratio": _ratio,
    "large_order_presence": _large,
    "bid_notional": lambda m: _notional(m, m.bids) if _meaningful(m) else None,
    "ask_notional": lambda m: _notional(m, m.asks) if _meaningful(m) else None,
    "total_depth": lambda m: _notional(m, m.bids) + _notional(m, m.asks) if _meaningful(m) else None,
    "best_bid": lambda m: _best(m.bids, 0),
    "best_bid_quantity": lambda m: _best(m.bids, 1),
    "best_ask": lambda m: _best(m.asks, 0),
    "best_ask_quantity": lambda m: _best(m.asks, 1),
    "mid_price": _mid,
    "micro_price": _micro,
    "bid_volume": lambda m: _volume(m.bids) if m.state != "resyncing" else None,
    "ask_volume": lambda m: _volume(m.asks) if m.state != "resyncing" else None,
    "trade_delta": lambda m: exactly(m.trades) if m.trades else None,
    "delta_events": lambda m: len(m.events),
    "state": lambda m: m.state,
    "gaps": lambda m: m.gaps,
    "source": lambda m: {"topic": TOPIC, "partition": 0, "offset": m.message.offset},
    "imbalance_l1": lambda m: _imbalance_of(m, 1),
    "imbalance_l5": lambda m: _imbalance_of(m, 5),
    "ofi_l1": lambda m: pressure(m.before, Whole(m.bids, m.asks)) if m.before and _meaningful(m) else None,
    "ofi_ml": pressure_over_levels,
    "ofi_ew_500ms": lambda m: m.decayed[500] if _meaningful(m) else None,
    "ofi_ew_2s": lambda m: m.decayed[2_000] if _meaningful(m) else None,
    "delta_volume_1s": lambda m: exactly(m.events_1s) if _meaningful(m) else None,
    "trade_delta_1s": lambda m: exactly(m.trades_1s) if m.trades else None,
    "trade_count_1s": lambda m: len(m.trades_1s),
    "delta_window_ms": lambda m: m.clock - m.event_times[0] if m.event_times else None,
    "delta_truncated": lambda m: m.events_cut_off,
    "depth_span_bid_bps": lambda m: _span(m, m.bids),
    "depth_span_ask_bps": lambda m: _span(m, m.asks),
    "bid_notional_5bps": lambda m: m.near[0],
    "ask_notional_5bps": lambda m: m.near[1],
    "bid_notional_10bps": lambda m: m.near[2],
    "ask_notional_10bps": lambda m: m.near[3],
    "bid_notional_25bps": lambda m: m.near[4],
    "ask_notional_25bps": lambda m: m.near[5],
    "ofi_source": lambda m: "diff" if isinstance(m.message, Diff) else "snapshot",
}
"""What each field of the record must be."""


def expected(m: Moment) -> dict[str, Any]:
    """The whole record at a moment."""
    return {name: oracle(m) for name, oracle in ORACLES.items()}
