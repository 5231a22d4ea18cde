"""Owns what an instrument is: its venue, price and lot grid, streams, and the rates of its order flow."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.grid import Grid

SPOT = "binance-spot"
USDM = "binance-usdm"
COINM = "binance-coinm"

_COMMON = frozenset({"depth20@100ms", "trade", "aggTrade", "bookTicker", "snapshot"})
VENUE_STREAMS = {
    SPOT: _COMMON | {"depth@100ms"},
    USDM: _COMMON | {"depth@0ms", "depth@100ms"},
    COINM: _COMMON | {"depth@100ms"},
}
"""Streams that an instrument of each venue may choose from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """Rates and sizes of the order flow; rates are per second (or minute) of a normal stretch.

    `quotes_per_s`: limit and cancel orders away from the best price, both sides together.
    `touch_per_s`: limit and cancel orders at the best price. `takers_per_s`: market orders.
    `burst_quotes`: median number of further quotes that a price move excites at once (log-normal, long tail).
    `levels`: levels that rest on each side. `span_ticks`: ticks that the best 20 of them cover.
    `quote_lots`, `touch_lots`, `taker_lots`: median sizes in lots; `size_sigma`: deviation of their logarithm.
    `jump_ticks`: median ticks of a price move. `modify_pct`, `flicker_pct`: share of quotes in percent that resize a
    level, or come and go at once. `sweeps_per_min`: market orders through many levels. `walls_per_min`: huge levels
    that appear near the best price and vanish seconds later.
    """

    quotes_per_s: int
    touch_per_s: int
    takers_per_s: float
    burst_quotes: int
    span_ticks: int
    quote_lots: int
    touch_lots: int
    taker_lots: int
    jump_ticks: int = 2
    size_sigma: float = 1.8
    levels: int = 2000
    modify_pct: int = 20
    flicker_pct: int = 8
    sweeps_per_min: float = 6.0
    walls_per_min: float = 12.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Regime:
    """A stretch of the market: how busy it is and where it goes.

    `weight`: how often it is chosen, relative to the others. `mean_s`: mean length in seconds (exponential).
    `activity_pct`: all rates in percent of the instrument's. `drift`: -1, 0 or 1, the direction in which the price
    runs. `jump_pct`: price moves in percent of the instrument's.
    """

    name: str
    weight: int
    mean_s: float
    activity_pct: int = 100
    drift: int = 0
    jump_pct: int = 100


NORMAL = Regime(name="normal", weight=50, mean_s=8.0)
QUIET = Regime(name="quiet", weight=15, mean_s=3.0, activity_pct=15)
BUSY = Regime(name="busy", weight=25, mean_s=4.0, activity_pct=200)
RISING = Regime(name="rising", weight=5, mean_s=6.0, activity_pct=150, drift=1, jump_pct=130)
FALLING = Regime(name="falling", weight=5, mean_s=6.0, activity_pct=150, drift=-1, jump_pct=130)
DEFAULT_REGIMES = (NORMAL, QUIET, BUSY, RISING, FALLING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """One simulated instrument.

    `tick_size`, `lot_size`: decimal text; their decimals are the decimals of every price and quantity on the wire.
    `start_price`: decimal text on the tick grid. `regimes`: the first one opens the run. `snapshot_levels`: levels a
    side of the REST snapshot. `audit_every_s`: seconds between further snapshots, None for the first one only.
    """

    venue: str
    symbol: str
    tick_size: str
    lot_size: str
    start_price: str
    flow: Flow
    streams: tuple[str, ...]
    regimes: tuple[Regime, ...] = DEFAULT_REGIMES
    snapshot_levels: int = 1000
    audit_every_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse an instrument that the venue could not list."""
        if self.venue not in VENUE_STREAMS:
            msg = f"expected a venue of {sorted(VENUE_STREAMS)}, received {self.venue!r}"
            raise ValueError(msg)
        unknown = sorted(set(self.streams) - VENUE_STREAMS[self.venue])
        if unknown or len(set(self.streams)) != len(self.streams):
            msg = f"expected distinct streams of {sorted(VENUE_STREAMS[self.venue])}, received {self.streams}"
            raise ValueError(msg)
        if not self.regimes:
            msg = "expected at least one regime, received none"
            raise ValueError(msg)
        Grid(self.lot_size)
        ticks, least = Grid(self.tick_size).count(self.start_price), 10 * max(100, self.flow.span_ticks)
        if ticks < least:
            msg = f"expected a start price of at least {least} ticks, received {ticks}"
            raise ValueError(msg)

    @property
    def name(self) -> str:
        """Venue and symbol, the key of the instrument: "binance-spot:BTCUSDT"."""
        return f"{self.venue}:{self.symbol}"

    @property
    def diff_stream(self) -> str | None:
        """The diff depth stream of this instrument, if it has one."""
        return next((stream for stream in self.streams if stream.startswith("depth@")), None)
