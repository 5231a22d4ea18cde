"""Owns the instruments that are simulated by default, calibrated to recordings of the real market."""

from __future__ import annotations

from simulator.instrument import COINM, SPOT, USDM, VENUE_STREAMS, Flow, Instrument

_FULL = ("snapshot", "trade", "bookTicker")
_PARTIAL = ("depth20@100ms", "trade", "bookTicker")

_SPOT_BTC = Instrument(
    venue=SPOT,
    symbol="BTCUSDT",
    tick_size="0.01000000",
    lot_size="0.00001000",
    start_price="60000.00000000",
    streams=("depth@100ms", *_FULL),
    flow=Flow(
        quotes_per_s=190,
        touch_per_s=64,
        takers_per_s=9,
        burst_quotes=24,
        span_ticks=740,
        quote_lots=900,
        touch_lots=20_000,
        taker_lots=300,
        jump_ticks=25,
        flicker_pct=8,
        modify_pct=8,
    ),
)
_SPOT_ETH = Instrument(
    venue=SPOT,
    symbol="ETHUSDT",
    tick_size="0.01000000",
    lot_size="0.00010000",
    start_price="2600.00000000",
    streams=_PARTIAL,
    flow=Flow(
        quotes_per_s=170,
        touch_per_s=70,
        takers_per_s=7,
        burst_quotes=24,
        span_ticks=50,
        quote_lots=2_000,
        touch_lots=20_000,
        taker_lots=500,
        jump_ticks=2,
        flicker_pct=5,
        modify_pct=40,
    ),
)
_USDM_BTC = Instrument(
    venue=USDM,
    symbol="BTCUSDT",
    tick_size="0.10",
    lot_size="0.001",
    start_price="60000.00",
    streams=("depth@0ms", *_FULL),
    flow=Flow(
        quotes_per_s=720,
        touch_per_s=100,
        takers_per_s=14,
        burst_quotes=44,
        span_ticks=80,
        quote_lots=110,
        touch_lots=700,
        taker_lots=20,
        jump_ticks=2,
        flicker_pct=4,
        modify_pct=55,
    ),
)
_USDM_ETH = Instrument(
    venue=USDM,
    symbol="ETHUSDT",
    tick_size="0.01",
    lot_size="0.001",
    start_price="2600.00",
    streams=_PARTIAL,
    flow=Flow(
        quotes_per_s=780,
        touch_per_s=92,
        takers_per_s=12,
        burst_quotes=40,
        span_ticks=48,
        quote_lots=1_700,
        touch_lots=4_000,
        taker_lots=100,
        jump_ticks=2,
        flicker_pct=3,
        modify_pct=68,
    ),
)
_COINM_BTC = Instrument(
    venue=COINM,
    symbol="BTCUSD_PERP",
    tick_size="0.1",
    lot_size="1",
    start_price="60000.0",
    streams=("depth@100ms", *_FULL),
    flow=Flow(
        quotes_per_s=200,
        touch_per_s=80,
        takers_per_s=7,
        burst_quotes=24,
        span_ticks=90,
        quote_lots=60,
        touch_lots=500,
        taker_lots=8,
        jump_ticks=2,
        flicker_pct=5,
        modify_pct=40,
    ),
)
_FIVE = (_SPOT_BTC, _SPOT_ETH, _USDM_BTC, _USDM_ETH, _COINM_BTC)


def default_instruments(n: int) -> list[Instrument]:
    """Return `n` instruments: five known ones, then generated ones that cycle through the venues.

    The first four are spot BTCUSDT, spot ETHUSDT, USD-M BTCUSDT and USD-M ETHUSDT, the fifth COIN-M BTCUSD_PERP.

    Args:
        n: How many, 0 or more.
    """
    if n < 0:
        msg = f"expected a count of 0 or more, received {n}"
        raise ValueError(msg)
    return [*_FIVE[:n], *(_generated(number) for number in range(len(_FIVE) + 1, n + 1))]


def instruments_of(venue: str, n: int) -> list[Instrument]:
    """Return the first `n` of the default instruments that the venue lists.

    Args:
        venue: "binance-spot", "binance-usdm" or "binance-coinm".
        n: How many, 0 or more.
    """
    if venue not in VENUE_STREAMS:
        msg = f"expected a venue of {sorted(VENUE_STREAMS)}, received {venue!r}"
        raise ValueError(msg)
    # Of the five known ones a venue lists one or two, of the generated ones every third.
    return [instrument for instrument in default_instruments(3 * n + len(_FIVE)) if instrument.venue == venue][:n]


def _generated(number: int) -> Instrument:
    """Return the instrument with that number; its price and pace follow from the number alone."""
    kin = (_SPOT_BTC, _USDM_BTC, _COINM_BTC)[number % 3]
    pace = 25 + 7 * (number % 8)
    flow = kin.flow
    slower = Flow(
        quotes_per_s=flow.quotes_per_s * pace // 100,
        touch_per_s=flow.touch_per_s * pace // 100,
        takers_per_s=flow.takers_per_s * pace / 100,
        burst_quotes=max(4, flow.burst_quotes * pace // 100),
        span_ticks=60,
        quote_lots=flow.quote_lots,
        touch_lots=flow.touch_lots,
        taker_lots=flow.taker_lots,
    )
    price = 500 + 37 * (number % 100)
    return Instrument(
        venue=kin.venue,
        symbol=f"SIM{number:03d}USD_PERP" if kin.venue == COINM else f"SIM{number:03d}USDT",
        tick_size="0.01000000" if kin.venue == SPOT else "0.01",
        lot_size=kin.lot_size,
        start_price=f"{price}.00",
        streams=kin.streams,
        flow=slower,
    )
