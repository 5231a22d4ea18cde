"""The eight metrics as a competent user writes them: plain Python, one message at a time, the definitions of docs/metrics.md.

Owns the computing of all peers that are written in Python. What it leaves out, the job does: books that are crossed or have an
empty side, fields that are missing or no numbers, ids that go back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

WINDOW: Final = 100
LARGE: Final = 0.01

Side = list[tuple[float, float]]
Book = tuple[Side, Side]


class Memory:
    """What one instrument needs of the past: the last book, the last aggressive events and their sum."""

    def __init__(self) -> None:
        self.book: Book | None = None
        self.events: deque[float] = deque(maxlen=WINDOW)
        self.delta = 0.0


def step(memory: Memory | None, data: Mapping[str, Any]) -> tuple[Memory, dict[str, Any]]:
    """The record of one message, and the memory behind it (the same object, changed)."""
    memory = memory or Memory()
    book = book_of(data)
    if happened := event(memory.book, book):
        memory.events.append(happened)
        memory.delta = sum(memory.events)
    memory.book = book
    return memory, record(data, book, memory.delta)


def book_of(data: Mapping[str, Any]) -> Book:
    """The levels as numbers, best first."""
    bids, asks = ([(float(price), float(quantity)) for price, quantity in data[side]] for side in "ba")
    return bids, asks


def event(previous: Book | None, book: Book) -> float:
    """What takers must have taken since the previous book; above zero buyers, 0.0 when nobody did."""
    if previous is None:
        return 0.0
    (best_bid, _), (best_ask, _) = book[0][0], book[1][0]
    bids, asks = previous
    if best_bid >= asks[0][0]:
        return sum(quantity for price, quantity in asks if price <= best_bid)
    if best_ask <= bids[0][0]:
        return -sum(quantity for price, quantity in bids if price >= best_ask)
    return 0.0


def record(data: Mapping[str, Any], book: Book, delta: float) -> dict[str, Any]:
    """The eight metrics, and what they are of."""
    bids, asks = book
    bid_volume, ask_volume = (sum(quantity for _, quantity in side) for side in book)
    bid_notional, ask_notional = (sum(price * quantity for price, quantity in side) for side in book)
    volume = bid_volume + ask_volume
    best_bid, best_ask = bids[0][0], asks[0][0]
    threshold = LARGE * volume
    large = sum(1 for side in book for _, quantity in side if quantity > threshold)
    return {
        "symbol": data["s"],
        "event_time_ms": data["E"],
        "update_id": data["u"],
        "orderflow_imbalance": (bid_volume - ask_volume) / volume,
        "delta_volume": delta,
        "bid_ask_spread_pct": (best_ask - best_bid) / ((best_bid + best_ask) / 2) * 100,
        "order_book_depth_ratio": min(bid_notional / ask_notional, 2.0),
        "large_order_presence": min(large / 5, 1.0),
        "bid_notional": bid_notional,
        "ask_notional": ask_notional,
        "total_depth": bid_notional + ask_notional,
    }
