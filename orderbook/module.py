"""Order books measured in process: no Kafka, no job, the same numbers. What ``from orderbook import ...`` offers to engines.

Owns what the job's edges own elsewhere: what a caller may hand over as levels, one memory per symbol, and who may look
when. The numbers are the core's (``Measurer``, ``measure_groups``); there is no second formula here.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from operator import itemgetter

# A lock asks nobody for anything: it keeps the caller's own threads apart.
from threading import Lock
from typing import Any, Final, TypeAlias

from orderbook.events import Partial
from orderbook.groups import measure_groups
from orderbook.measurer import Measurer
from orderbook.metrics import COLUMNS
from orderbook.partial_lane import stack_levels
from orderbook.presets import Estimator, MeasureConfig
from orderbook.record import EIGHT_METRICS, LIVE

Levels: TypeAlias = Iterable[Sequence[Any]]
"""(price, quantity) pairs, numbers or their decimal text, in any order; what follows in a pair is ignored."""

_MAX_AMOUNT: Final = 1e290
"""Largest price, quantity and product, as at the job's edges: no sum of them can overflow."""

_STEP_MS: Final = 1000
"""The core's clock moves on by this with each update. No time is told here, and none of the eight metrics asks for one;
but windows of time, which the core also keeps, stay empty if it passes."""


@dataclass(frozen=True)
class OrderbookSnapshot:
    """One accepted book: the levels that count, best first, each (price, quantity); both sides have at least one.

    ``number`` counts the symbol's accepted updates from 1.
    """

    symbol: str
    number: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]

    @property
    def best_bid(self) -> float:
        """Highest bid."""
        return self.bids[0][0]

    @property
    def best_ask(self) -> float:
        """Lowest ask."""
        return self.asks[0][0]

    @property
    def mid_price(self) -> float:
        """(best ask + best bid) / 2."""
        return (self.best_ask + self.best_bid) / 2

    @property
    def crossed(self) -> bool:
        """Whether best bid >= best ask: no sound book, and no metrics."""
        return self.best_bid >= self.best_ask


@dataclass(frozen=True)
class OrderbookMetrics:
    """The eight metrics of one sound book (docs/metrics.md); each is defined, none is NaN.

    Attributes:
        orderflow_imbalance: (B - A) / (B + A), B and A the quantities of the levels that count; in [-1, 1].
        delta_volume: Sum of the last aggressive events: base units (``swept``), price units (``price_gap``).
        bid_ask_spread_pct: (best ask - best bid) / mid * 100; per cent, > 0.
        order_book_depth_ratio: bid notional / ask notional, at most 2; in [0, 2].
        large_order_presence: Levels that hold more than the threshold's share of B + A, / 5, at most 1; in [0, 1].
        bid_notional: Sum of price * quantity of the bids, quote currency.
        ask_notional: The same of the asks.
        total_depth: Both.
    """

    orderflow_imbalance: float
    delta_volume: float
    bid_ask_spread_pct: float
    order_book_depth_ratio: float
    large_order_presence: float
    bid_notional: float
    ask_notional: float
    total_depth: float

    def to_dict(self) -> dict[str, float]:
        """The eight by their names."""
        return asdict(self)


class OrderbookWarning(UserWarning):
    """An update was ignored: one side of it has no level."""


class OrderbookImbalanceModule:
    """Metrics of many symbols, each from the whole (short) books that it is given.

    Any number of threads may update and look, also at the same symbol: a look sees the book before or the one after. No
    thread and no clock is at work here, and memory stays bounded: ``history_size`` books and one window a symbol.

    Args:
        depth_levels: Levels of each side that count, best first; 1 .. 5 000.
        delta_volume_window: Aggressive events in ``delta_volume``; 1 .. 100 000.
        large_order_threshold_pct: Share of B + A above which a level is a large order; 0.01 is 1 %; in [0, 1].
        history_size: Books kept of each symbol, at least 1.
        delta_estimator: ``swept``, as in the job: the quantity that must have been taken between two books (base units).
            ``price_gap``: how far the quote moved beyond the opposite best (price units), as the module that this one
            replaces computed it; models that were trained on that one want this.

    Raises:
        ValueError: A value outside of its limits.
    """

    def __init__(
        self,
        depth_levels: int = 20,
        delta_volume_window: int = 100,
        large_order_threshold_pct: float = 0.01,
        history_size: int = 50,
        *,
        delta_estimator: Estimator = "swept",
    ) -> None:
        if history_size < 1:
            raise ValueError(f"history_size: expected at least 1, received {history_size}")
        self._history_size = history_size
        self._config = MeasureConfig(
            depth_levels=depth_levels,
            delta_volume_window=delta_volume_window,
            delta_estimator=delta_estimator,
            large_order_threshold_pct=large_order_threshold_pct,
        )
        self._symbols: dict[str, _Symbol] = {}

    def update_orderbook(self, symbol: str, bids: Levels, asks: Levels) -> None:
        """Take the newest book of a symbol.

        Levels may be floats, integers, decimals or text ("61837.63"), sorted or not. Levels without quantity are left
        out. When a side has none left, the update is ignored with an ``OrderbookWarning``: nothing changes.

        Raises:
            ValueError: What came is no levels: no pair, no finite number, a price that is not above 0, a quantity below
                0, a price told twice. Nothing changes.
        """
        sides = _side(bids, "bids", descending=True), _side(asks, "asks", descending=False)
        if not sides[0] or not sides[1]:
            empty = " and ".join(name for name, side in zip(("bids", "asks"), sides, strict=True) if not side)
            warnings.warn(f"{symbol}: an update without {empty} is ignored", OrderbookWarning, stacklevel=2)
            return
        known = self._symbols.get(symbol)
        if known is None:  # of two threads that come at once, one's is kept
            known = self._symbols.setdefault(symbol, _Symbol(symbol, self._config, self._history_size))
        known.update(*sides)

    def get_metrics(self, symbol: str) -> OrderbookMetrics | None:
        """The metrics of the newest book; None for an unknown symbol, and while the newest book is crossed."""
        known = self._symbols.get(symbol)
        return known.newest.metrics if known is not None else None

    def get_history(self, symbol: str) -> list[OrderbookSnapshot]:
        """The last ``history_size`` books, oldest first; none of an unknown symbol."""
        known = self._symbols.get(symbol)
        return known.snapshots() if known is not None else []

    def get_summary_stats(self, symbol: str) -> dict[str, str | int | float]:
        """What is held of a symbol; zeros for an unknown one.

        ``symbol``; ``snapshots_stored`` books in the history; ``delta_volume_window`` aggressive events that the window
        holds now; ``large_orders_detected`` levels of the newest book that are large orders; ``current_best_bid`` and
        ``current_best_ask`` of the newest book, crossed or not.
        """
        known = self._symbols.get(symbol)
        newest = known.newest if known is not None else _NOTHING
        snapshot = newest.snapshot
        return {
            "symbol": symbol,
            "snapshots_stored": min(snapshot.number, self._history_size) if snapshot is not None else 0,
            "delta_volume_window": newest.delta_events,
            "large_orders_detected": newest.large_orders,
            "current_best_bid": snapshot.best_bid if snapshot is not None else 0.0,
            "current_best_ask": snapshot.best_ask if snapshot is not None else 0.0,
        }


@dataclass(frozen=True)
class _Newest:
    """What the newest book came to; replaced as a whole, so that a look from another thread sees one book."""

    snapshot: OrderbookSnapshot | None = None
    metrics: OrderbookMetrics | None = None
    delta_events: int = 0
    large_orders: int = 0


_NOTHING: Final = _Newest()


class _Symbol:
    """The memory of one symbol."""

    def __init__(self, symbol: str, config: MeasureConfig, history_size: int) -> None:
        self._symbol = symbol
        self._config = config
        self._measurer = Measurer(config)
        self._history: deque[OrderbookSnapshot] = deque(maxlen=history_size)
        self._count = 0
        self._lock = Lock()
        self.newest = _NOTHING

    def update(self, bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> None:
        """Take a book whose sides have levels, best first."""
        config = self._config
        bids, asks = bids[: config.depth_levels], asks[: config.depth_levels]
        block = stack_levels([([x for level in bids for x in level], [x for level in asks for x in level])])
        with self._lock:
            self._count += 1
            event = Partial(0, self._count * _STEP_MS, None, None, None, None, 0)
            measured = self._measurer.feed([event], block)
            [row] = measured.rows
            books = [measured.books], bytes([row.state]), config, [measured.before], [measured.carried]
            [values] = measure_groups(*books, contract_sizes=[None]).tolist()
            found = dict(zip(COLUMNS, values, strict=True), delta_volume=row.delta_volume)
            limit = config.large_order_threshold_pct * (found["bid_volume"] + found["ask_volume"])
            snapshot = OrderbookSnapshot(self._symbol, self._count, tuple(bids), tuple(asks))
            self._history.append(snapshot)
            self.newest = _Newest(
                snapshot,
                OrderbookMetrics(**{name: found[name] for name in EIGHT_METRICS}) if row.state == LIVE else None,
                row.delta_events,
                sum(quantity > limit for side in (bids, asks) for _, quantity in side),
            )

    def snapshots(self) -> list[OrderbookSnapshot]:
        """The books kept, oldest first."""
        with self._lock:
            return list(self._history)


def _side(levels: Levels, name: str, *, descending: bool) -> list[tuple[float, float]]:
    """The levels that have a quantity, as numbers, best first."""
    try:
        told = iter(levels)
    except TypeError:
        raise _wrong(name, "(price, quantity) pairs of numbers", levels) from None
    side = []
    for level in told:
        try:
            price, quantity = float(level[0]), float(level[1])
        except (TypeError, ValueError, LookupError, OverflowError):
            raise _wrong(name, "(price, quantity) pairs of numbers", level) from None
        # NaN fails each of these comparisons.
        if not (0.0 < price <= _MAX_AMOUNT and 0.0 <= quantity <= _MAX_AMOUNT and price * quantity <= _MAX_AMOUNT):
            raise _wrong(name, "prices above 0 and quantities of at least 0, up to 1e290", level)
        if quantity:
            side.append((price, quantity))
    side.sort(key=itemgetter(0), reverse=descending)
    for (price, _), (following, _) in pairwise(side):
        if price == following:
            raise _wrong(name, "each price once", price)
    return side


def _wrong(name: str, expected: str, received: object) -> ValueError:
    return ValueError(f"{name}: expected {expected}, received {received!r}; the update changes nothing")
