from collections import Counter
from typing import Any

class Flow:
    events: Any
    second: Any
    clock_ms: int
    taken_ms: int
    known: bool
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    ofi_fast: float
    ofi_slow: float
    place: int
    def __init__(self, events: Any, second: Any, rules: Any) -> None: ...
    @property
    def ofi(self) -> float | None: ...
    def packed(self) -> bytes: ...
    def forget(self) -> None: ...
    def tick(self, ms: int, notices: Counter[str]) -> None: ...
    def take(self, bid: float, bid_quantity: float, ask: float, ask_quantity: float, resting: Any) -> None: ...
