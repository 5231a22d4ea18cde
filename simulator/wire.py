"""Owns the exchange's words: JSON payloads of each venue, with its fields, their order and its decimals.

Nothing here decides what is sent or when. Text is built by hand since the shapes are fixed and `json.dumps` of levels
would take half of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.grid import Grid
from simulator.instrument import COINM, SPOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.instrument import Instrument
    from simulator.tape import Fill, Quote

TextLevels = list[tuple[str, str]]


class DiffIds(NamedTuple):
    """The chain of one diff: first and final update id, and the final id of the diff before."""

    first: int
    final: int
    previous_final: int


class Wire:
    """Spot's shapes, and what all venues share.

    Args:
        instrument: Gives the symbol and the grids of prices and quantities.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.symbol = instrument.symbol
        self.prefix = instrument.symbol.lower()
        self.pair = instrument.symbol.partition("_")[0]
        self.price = Grid(instrument.tick_size).text
        self.quantity = Grid(instrument.lot_size).text

    def levels(self, levels: Iterable[tuple[int, int]]) -> TextLevels:
        """Return levels in decimal text."""
        price, quantity = self.price, self.quantity
        return [(price(ticks), quantity(lots)) for ticks, lots in levels]

    def diff(self, event_ms: int, _changed_ms: int, ids: DiffIds, bids: TextLevels, asks: TextLevels) -> str:
        """Return a diff depth payload; spot lists bids from the best on."""
        return (
            f'{{"e":"depthUpdate","E":{event_ms},"s":"{self.symbol}","U":{ids.first},"u":{ids.final},'
            f'"b":{_pairs(bids[::-1])},"a":{_pairs(asks)}}}'
        )

    def partial(self, _event_ms: int, _changed_ms: int, ids: DiffIds, bids: TextLevels, asks: TextLevels) -> str:
        """Return a partial depth payload, levels best first."""
        return f'{{"lastUpdateId":{ids.final},"bids":{_pairs(bids)},"asks":{_pairs(asks)}}}'

    def snapshot(self, _event_ms: int, _changed_ms: int, last_id: int, bids: TextLevels, asks: TextLevels) -> str:
        """Return a REST snapshot payload, levels best first."""
        return f'{{"lastUpdateId":{last_id},"bids":{_pairs(bids)},"asks":{_pairs(asks)}}}'

    def trade(self, event_ms: int, trade_id: int, fill: Fill) -> str:
        """Return a trade payload."""
        return (
            f'{{"e":"trade","E":{event_ms},"s":"{self.symbol}","t":{trade_id},"p":"{self.price(fill.price_ticks)}",'
            f'"q":"{self.quantity(fill.lots)}","T":{event_ms},"m":{_bool(fill.buyer_is_maker)},"M":true}}'
        )

    def aggregate(
        self, event_ms: int, traded_ms: int, aggregate_id: int, trade_ids: tuple[int, int], fill: Fill
    ) -> str:
        """Return an aggTrade payload; `fill` holds the summed quantity, `trade_ids` the first and last trade id."""
        return (
            f'{{"e":"aggTrade","E":{event_ms},"s":"{self.symbol}",{self._aggregate(aggregate_id, trade_ids, fill)},'
            f'"T":{traded_ms},"m":{_bool(fill.buyer_is_maker)},"M":true}}'
        )

    def ticker(self, _event_ms: int, quote: Quote) -> str:
        """Return a bookTicker payload."""
        return f'{{"u":{quote.update_id},"s":"{self.symbol}",{self._best(quote)}}}'

    def _best(self, quote: Quote) -> str:
        price, quantity = self.price, self.quantity
        return (
            f'"b":"{price(quote.bid_ticks)}","B":"{quantity(quote.bid_lots)}",'
            f'"a":"{price(quote.ask_ticks)}","A":"{quantity(quote.ask_lots)}"'
        )

    def _aggregate(self, aggregate_id: int, trade_ids: tuple[int, int], fill: Fill) -> str:
        return (
            f'"a":{aggregate_id},"p":"{self.price(fill.price_ticks)}","q":"{self.quantity(fill.lots)}",'
            f'"f":{trade_ids[0]},"l":{trade_ids[1]}'
        )


class FuturesWire(Wire):
    """USD-M's shapes: a partial depth looks exactly like a diff."""

    def _symbol(self) -> str:
        return f'"s":"{self.symbol}"'

    def diff(self, event_ms: int, changed_ms: int, ids: DiffIds, bids: TextLevels, asks: TextLevels) -> str:
        """Return a depthUpdate payload; levels stand in the order given."""
        return (
            f'{{"e":"depthUpdate","E":{event_ms},"T":{changed_ms},{self._symbol()},"U":{ids.first},"u":{ids.final},'
            f'"pu":{ids.previous_final},"b":{_pairs(bids)},"a":{_pairs(asks)}}}'
        )

    def partial(self, event_ms: int, changed_ms: int, ids: DiffIds, bids: TextLevels, asks: TextLevels) -> str:
        """Return a partial depth payload, levels best first; only the stream's name tells it from a diff."""
        return self.diff(event_ms, changed_ms, ids, bids, asks)

    def snapshot(self, event_ms: int, changed_ms: int, last_id: int, bids: TextLevels, asks: TextLevels) -> str:
        """Return a REST snapshot payload, levels best first."""
        return (
            f'{{"lastUpdateId":{last_id},{self._snapshot_symbol()}"E":{event_ms},"T":{changed_ms},'
            f'"bids":{_pairs(bids)},"asks":{_pairs(asks)}}}'
        )

    def _snapshot_symbol(self) -> str:
        return ""

    def trade(self, event_ms: int, trade_id: int, fill: Fill) -> str:
        """Return a trade payload."""
        return (
            f'{{"e":"trade","E":{event_ms},"T":{event_ms},"s":"{self.symbol}","t":{trade_id},'
            f'"p":"{self.price(fill.price_ticks)}","q":"{self.quantity(fill.lots)}","X":"MARKET",'
            f'"m":{_bool(fill.buyer_is_maker)}}}'
        )

    def aggregate(
        self, event_ms: int, traded_ms: int, aggregate_id: int, trade_ids: tuple[int, int], fill: Fill
    ) -> str:
        """Return an aggTrade payload; the field order differs from spot's."""
        number, _, rest = self._aggregate(aggregate_id, trade_ids, fill).partition(",")
        return (
            f'{{"e":"aggTrade","E":{event_ms},{number},"s":"{self.symbol}",{rest},'
            f'"T":{traded_ms},"m":{_bool(fill.buyer_is_maker)}}}'
        )

    def ticker(self, event_ms: int, quote: Quote) -> str:
        """Return a bookTicker payload."""
        return (
            f'{{"e":"bookTicker","u":{quote.update_id},{self._symbol()},{self._best(quote)},'
            f'"T":{event_ms},"E":{event_ms}}}'
        )


class CoinWire(FuturesWire):
    """COIN-M's shapes: USD-M's with the pair beside the symbol."""

    def _symbol(self) -> str:
        return f'"s":"{self.symbol}","ps":"{self.pair}"'

    def _snapshot_symbol(self) -> str:
        return f'"symbol":"{self.symbol}","pair":"{self.pair}",'


def wire_of(instrument: Instrument) -> Wire:
    """Return the shapes of the instrument's venue."""
    if instrument.venue == SPOT:
        return Wire(instrument)
    return CoinWire(instrument) if instrument.venue == COINM else FuturesWire(instrument)


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _pairs(levels: TextLevels) -> str:
    return "[" + ",".join([f'["{price}","{quantity}"]' for price, quantity in levels]) + "]"
