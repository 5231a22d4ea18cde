"""Owns how orders arrive: the only code that moves the true book after its opening.

Model: Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics": limit, market and cancel orders
are independent Poisson streams per price distance, cancels in proportion to what rests. So the thinner best queue is
the likelier to empty, and the imbalance of the queues predicts the next move. Added to it: price moves excite bursts
of quotes, sweeps, walls, and regimes (quiet, busy, rising, falling).

Every public method leaves the book uncrossed, with both sides filled.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from simulator.draws import TABLE_SIZE
from simulator.opening import far_prices, fill_book
from simulator.rates import MIN_LEVELS, FlowDraws
from simulator.tape import Fill, Quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.book import Book, Side
    from simulator.draws import Draws
    from simulator.instrument import Instrument, Regime

_SECOND_NS = 1_000_000_000
_HALF = TABLE_SIZE // 2
# Tuned together until the figures of simulator.calibration were those of recorded markets.
_BURST_SHARE_AT_TOUCH = TABLE_SIZE // 16
_SPREAD_STAYS_OPEN = TABLE_SIZE // 10
_MAKERS_HERD = TABLE_SIZE * 15 // 100
_MAKERS_LEAN_ON_DRIFT = TABLE_SIZE * 5 // 100
_LONG_QUEUE = 16
_SCARE = 5
_SCARED_LEAVE = TABLE_SIZE // 3
_FOLLOWS = TABLE_SIZE * 75 // 100
_OLD_BEST_LEAVES = TABLE_SIZE * 7 // 10
_TAKERS_LEAN_ON_IMBALANCE = TABLE_SIZE * 45 // 100
_TAKERS_LEAN_ON_DRIFT = TABLE_SIZE * 3 // 10


class Market:
    """The order flow of one instrument.

    Args:
        instrument: Rates, sizes, regimes and opening price.
        book: An empty book, filled here.
        draws: Where all randomness comes from.

    Attributes:
        tape: Quotes and fills in the order they happened; the reader takes and clears it.
        changed_ns: Time of the last change of the book, nanoseconds since the start.
    """

    def __init__(self, instrument: Instrument, book: Book, draws: Draws) -> None:
        self.book = book
        self.tape: list[Quote | Fill] = []
        self.changed_ns = 0
        self._flow = instrument.flow
        self._draw = FlowDraws(instrument.flow, instrument.regimes, draws)
        self._far = far_prices(fill_book(instrument, book, self._draw))
        self._agenda: list[tuple[int, int, Callable[..., None], tuple[int, ...]]] = []
        self._plans = 0
        self._orders = 0
        self._burst = 0
        self._best = (0, 0, 0, 0)
        self._enter(instrument.regimes[0])
        self._next_ns = 0
        self._plan(next(self._draw.sweep_gaps_ns), self._sweep)
        self._plan(next(self._draw.wall_gaps_ns), self._raise_wall)

    def advance(self, until_ns: int) -> None:
        """Play all orders up to and including `until_ns`, nanoseconds since the start."""
        agenda, draw = self._agenda, self._draw
        gaps = draw.gaps
        while True:
            now = self._next_ns
            if agenda and agenda[0][0] <= now:
                if agenda[0][0] > until_ns:
                    return
                self.changed_ns, _, action, arguments = heappop(agenda)
                action(*arguments)
                self._note_best()
                continue
            if now > until_ns:
                return
            self.changed_ns = now
            if self._burst:
                self._burst -= 1
                self._burst_order()
                self._next_ns = now + next(draw.burst_gaps_ns)
            else:
                self._order()
                self._next_ns = now + (next(gaps) * self._gap_ns >> 10)

    def _order(self) -> None:
        roll = next(self._draw.kinds)
        if roll < self._draw.quote_below:
            self._quote()
            return
        if roll < self._draw.touch_below:
            self._touch()
        else:
            self._take(next(self._draw.taker_lots), 3)
        self._note_best()

    def _burst_order(self) -> None:
        if next(self._draw.kinds) < _BURST_SHARE_AT_TOUCH:
            self._touch()
            self._note_best()
        else:
            self._quote()

    def _quote(self) -> None:
        """Place, cancel, resize or flicker one order behind the best price."""
        book, draw = self.book, self._draw
        side = book.bids if next(draw.sides) else book.asks
        keys = side.keys
        roll = next(draw.quotes)
        if roll < draw.modify_below:
            rank = next(draw.ranks)
            if rank < len(keys):
                book.put(side, keys[-1 - rank], next(draw.quote_lots))
            return
        distance = next(draw.distances)
        if not distance:
            self._quote_far(side)
            return
        # Cancels in proportion to what rests: the spring that holds the number of levels.
        if next(draw.rolls) < _HALF + (len(keys) - self._flow.levels) * 64:
            rank = next(draw.ranks)
            if rank < len(keys) - MIN_LEVELS:
                book.put(side, keys[-1 - rank], 0)
            return
        key = keys[-1] - distance
        if side.sign > 0 and key <= 0:
            self._quote_far(side)
        elif key in side.lots:
            book.put(side, key, side.lots[key] + next(draw.quote_lots))
        else:
            book.put(side, key, next(draw.quote_lots))
            if roll < draw.flicker_below:
                book.put(side, key, 0)

    def _quote_far(self, side: Side) -> None:
        """Touch one of the round prices where forgotten orders rest, such as a bid at a third of a percent."""
        prices = self._far[0] if side.sign > 0 else self._far[1]
        key = side.sign * prices[next(self._draw.rolls) % len(prices)]
        if key < side.keys[-1]:
            leaves = key in side.lots and next(self._draw.rolls) < _HALF // 2
            self.book.put(side, key, 0 if leaves else 50 * next(self._draw.quote_lots))

    def _touch(self) -> None:
        """Add to the best queue of one side, or cancel from it.

        Makers herd: they rather join the heavier queue and leave the thinner one, and a queue that is far thinner
        than the other side's scares them, so that all leave at once. A very long queue draws cancels.
        """
        book, draw = self.book, self._draw
        side, other = (book.bids, book.asks) if next(draw.sides) else (book.asks, book.bids)
        key = side.keys[-1]
        resting = side.lots[key]
        lots = next(draw.touch_lots)
        opposite = other.lots[other.keys[-1]]
        thin = len(side.keys) <= MIN_LEVELS
        if resting * _SCARE < opposite and next(draw.rolls) < _SCARED_LEAVE and not thin:
            book.put(side, key, 0)
            self._emptied(side)
            return
        joins_below = _HALF + _MAKERS_HERD * (resting - opposite) // (resting + opposite)
        joins_below += side.sign * self._regime.drift * _MAKERS_LEAN_ON_DRIFT
        if resting > self._flow.touch_lots * _LONG_QUEUE:
            joins_below //= 2
        if next(draw.rolls) < joins_below:
            book.put(side, key, resting + lots)
            return
        if lots < resting:
            book.put(side, key, resting - lots)
        elif not thin:
            book.put(side, key, 0)
            self._emptied(side)

    def _take(self, lots: int, levels: int) -> None:
        """Execute a market order against at most `levels` levels; the heavier best queue is the likelier taker's."""
        book, draw = self.book, self._draw
        bid, ask = book.bids.best()[1], book.asks.best()[1]
        lean = _TAKERS_LEAN_ON_IMBALANCE * (bid - ask) // (bid + ask) + _TAKERS_LEAN_ON_DRIFT * self._regime.drift
        buys = next(draw.rolls) < _HALF + lean
        side = book.asks if buys else book.bids
        best = side.keys[-1]
        self._orders += 1
        while lots and levels and len(side.keys) > MIN_LEVELS:
            key = side.keys[-1]
            resting = side.lots[key]
            taken = min(lots, resting)
            self._print_fills(side.sign * key, taken, buyer_is_maker=not buys)
            book.put(side, key, resting - taken)
            lots -= taken
            levels -= 1
        if side.keys[-1] != best:
            self._emptied(side)

    def _print_fills(self, price_ticks: int, lots: int, *, buyer_is_maker: bool) -> None:
        """Split what a level gave into the makers' shares."""
        fills = min(next(self._draw.fills), lots)
        for left in range(fills, 1, -1):
            share = max(1, lots * next(self._draw.rolls) // (TABLE_SIZE * left))
            lots -= share
            self.tape.append(Fill(self.changed_ns, self._orders, price_ticks, share, buyer_is_maker))
        self.tape.append(Fill(self.changed_ns, self._orders, price_ticks, lots, buyer_is_maker))

    def _emptied(self, side: Side) -> None:
        """A best price is gone: mostly makers close the spread at once, sometimes it stays open for a moment."""
        if next(self._draw.rolls) < _SPREAD_STAYS_OPEN:
            self._plan(next(self._draw.open_ns), self._close_spread, side.sign)
        else:
            self._close_spread(side.sign)

    def _close_spread(self, sign: int) -> None:
        """Bring the spread back to one tick: the emptied side refills, or retreats and the other side follows."""
        book, draw = self.book, self._draw
        side, other = (book.bids, book.asks) if sign > 0 else (book.asks, book.bids)
        if book.spread_ticks() == 1:
            return
        touching = -other.keys[-1] - 1  # the key at which this side would stand one tick from the other
        drift = self._regime.drift
        follows = next(draw.rolls) < _FOLLOWS if not drift else drift == -sign
        if not follows:
            book.put(side, touching, next(draw.queue_lots))
            return
        key = touching - max(1, next(draw.jumps) * self._regime.jump_pct // 100)
        if sign > 0 and key <= 1:
            key = touching
        while side.keys[-1] > key and len(side.keys) > MIN_LEVELS:
            book.put(side, side.keys[-1], 0)
        key = max(key, side.keys[-1])
        if side.keys[-1] != key:
            book.put(side, key, next(draw.queue_lots))
        left = other.keys[-1]
        if -key - 1 > left:
            book.put(other, -key - 1, next(draw.queue_lots))
            if next(draw.rolls) < _OLD_BEST_LEAVES:
                book.put(other, left, 0)
        self._burst = min(self._burst + next(draw.bursts), draw.longest_burst)

    def _sweep(self) -> None:
        """One market order that eats through many levels."""
        draw = self._draw
        self._take(1 << 62, 4 + next(draw.sweep_levels))
        self._burst = min(self._burst + next(draw.bursts), draw.longest_burst)
        self._plan(next(draw.sweep_gaps_ns), self._sweep)

    def _raise_wall(self) -> None:
        """Put a huge quantity on a level near the best price; it is taken back seconds later."""
        book, draw = self.book, self._draw
        side = book.bids if next(draw.sides) else book.asks
        key = side.keys[max(-2 - next(draw.wall_ranks), -len(side.keys))]
        lots = next(draw.wall_lots)
        book.put(side, key, side.lots[key] + lots)
        self._plan(next(draw.wall_lives_ns), self._drop_wall, side.sign, key, lots)
        self._plan(next(draw.wall_gaps_ns), self._raise_wall)

    def _drop_wall(self, sign: int, key: int, lots: int) -> None:
        side = self.book.bids if sign > 0 else self.book.asks
        if key not in side.lots or len(side.keys) <= MIN_LEVELS:
            return
        was_best = key == side.keys[-1]
        left = max(0, side.lots[key] - lots)
        self.book.put(side, key, left)
        if was_best and not left:
            self._emptied(side)

    def _enter(self, regime: Regime) -> None:
        """Start a regime and plan its end."""
        self._regime = regime
        self._gap_ns = _SECOND_NS * 100 // (self._draw.orders_per_s * regime.activity_pct)
        self._plan(int(next(self._draw.regime_lengths) * regime.mean_s * _SECOND_NS) >> 10, self._change_regime)

    def _change_regime(self) -> None:
        self._enter(next(self._draw.regimes))

    def _plan(self, delay_ns: int, action: Callable[..., None], *arguments: int) -> None:
        self._plans += 1  # breaks ties, so that the heap never compares actions
        heappush(self._agenda, (self.changed_ns + delay_ns, self._plans, action, arguments))

    def _note_best(self) -> None:
        """Put the best prices on the tape if they changed."""
        bid, ask = self.book.bids.best(), self.book.asks.best()
        if bid + ask != self._best:
            self._best = bid + ask
            self.tape.append(Quote(self.changed_ns, self.book.update_id, *bid, *ask))
