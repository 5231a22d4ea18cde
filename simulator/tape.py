"""Owns the tape: what a market tells of itself, in counts of ticks and lots, before it is put into words."""

from __future__ import annotations

from typing import NamedTuple


class Quote(NamedTuple):
    """The best bid and ask after a change of either, as counts of ticks and lots."""

    time_ns: int
    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Fill(NamedTuple):
    """One trade; `order` numbers the market order that caused it, `buyer_is_maker` means that the taker sold."""

    time_ns: int
    order: int
    price_ticks: int
    lots: int
    buyer_is_maker: bool
