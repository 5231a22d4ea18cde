"""Owns the book before its first order: levels around the start price, and the forgotten ones far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.draws import exponential
from simulator.grid import Grid
from simulator.rates import typical_distance

if TYPE_CHECKING:
    from simulator.book import Book
    from simulator.instrument import Instrument
    from simulator.rates import FlowDraws

_FAR_BELOW = ((1, 300), (1, 60), (1, 12), (1, 3), (7, 10))
_FAR_ABOVE = ((3, 2), (2, 1), (3, 1), (4, 1), (10, 1))


def fill_book(instrument: Instrument, book: Book, draw: FlowDraws) -> int:
    """Fill an empty book so that the flow finds it in balance; return the best bid in ticks.

    Levels stand around their typical distances, with exponential gaps.
    """
    flow = instrument.flow
    start = Grid(instrument.tick_size).count(instrument.start_price)
    gaps = draw.opening("gap", exponential(1024.0))
    for side, best in ((book.bids, start), (book.asks, -start - 1)):
        key = best
        book.put(side, key, next(draw.queue_lots))
        for rank in range(1, flow.levels):
            key -= max(1, round(next(gaps) * (typical_distance(flow, rank) - typical_distance(flow, rank - 1)) / 1024))
            if side.sign * key <= 1:
                break
            book.put(side, key, next(draw.quote_lots))
        for price in far_prices(start)[0 if side.sign > 0 else 1]:
            if side.sign * price < side.keys[0]:
                book.put(side, side.sign * price, 50 * next(draw.quote_lots))
    book.drain()
    return start


def far_prices(start: int) -> tuple[list[int], list[int]]:
    """Return the far round prices of bids and asks in ticks, one significant digit each: 200.00 in a 60 000 market."""
    below = [_round_down(start * a // b) for a, b in _FAR_BELOW]
    above = [_round_down(start * a // b) for a, b in _FAR_ABOVE]
    return [max(1, price) for price in below], above


def _round_down(ticks: int) -> int:
    if ticks <= 0:
        return 1
    magnitude: int = 10 ** (len(str(ticks)) - 1)
    return ticks // magnitude * magnitude
