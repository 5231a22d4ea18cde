"""Owns what the simulated market hands out: events as received, and the truth beside them."""

from __future__ import annotations

from typing import NamedTuple

Levels = tuple[tuple[str, str], ...]
"""(price text, quantity text) of levels, best first."""


class Truth(NamedTuple):
    """What is true at a depth message.

    Attributes:
        bids, asks: The best 20 levels of each side of the true book at the message's final update id.
        taker_buy_volume, taker_sell_volume: Decimal text: what takers bought and sold in the trades that came before
            this message in the output order, each trade counted once. Trades are those of the `trade` stream, or of
            `aggTrade` where there is no `trade`.
        dropped_diffs: Diff messages of this instrument that were dropped on purpose before this one.
    """

    bids: Levels
    asks: Levels
    taker_buy_volume: str
    taker_sell_volume: str
    dropped_diffs: int


class Event(NamedTuple):
    """One message as a collector would have received it.

    Attributes:
        recv_ns: Receive time, nanoseconds since 1970; never decreases over the events of one run.
        venue, symbol: The instrument.
        stream: The stream's name as in the envelope, e.g. "btcusdt@depth@100ms".
        payload: Combined envelope, compact JSON: {"stream": ..., "data": {...}}.
        truth: For diff and partial depth messages, else None.
    """

    recv_ns: int
    venue: str
    symbol: str
    stream: str
    payload: bytes
    truth: Truth | None
