"""Owns what faults do to messages between the tape and the connections: lost, twice, late, or not at all."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Final

from fake_exchange.faults import WITH_A_GAP, Fault
from fake_exchange.messages import Message

_MOST_LOST: Final = 5


class Disturbance:
    """The way of the messages. The judge stands before it, the connections behind it.

    Args:
        seed: draws how many messages a gap has.
    """

    def __init__(self, seed: int) -> None:
        self._draw = Random(seed)  # noqa: S311  (a plan, not a key)
        self._lost: dict[str, int] = defaultdict(int)
        self._twice: set[str] = set()
        self._late: set[str] = set()
        self._held: dict[str, Message] = {}
        self._silent: dict[str, float] = {}
        self._tradeless: dict[str | None, float] = {}

    def begin(self, fault: Fault, now_s: float) -> None:
        """Begin a fault of a kind that befalls messages."""
        symbol = fault.symbol or ""
        if fault.kind in WITH_A_GAP:
            self._lost[symbol] += self._draw.randint(1, _MOST_LOST)
        elif fault.kind == "duplicate":
            self._twice.add(symbol)
        elif fault.kind == "reorder":
            self._late.add(symbol)
        elif fault.kind == "silence":
            self._silent[symbol] = now_s + fault.seconds
        elif fault.kind == "silent_trades":
            self._tradeless[fault.symbol] = now_s + fault.seconds

    def passed(self, message: Message, now_s: float) -> list[Message]:
        """What becomes of a message: none, itself, or more."""
        symbol = message.symbol
        if self._is_silent(message, now_s):
            return []
        if not message.family.startswith("depth"):
            return [message]
        if message.family == "depth" and self._lost.get(symbol):
            self._lost[symbol] -= 1
            return []
        if symbol in self._late:
            self._late.discard(symbol)
            self._held[symbol] = message
            return []
        passing = [message]
        if symbol in self._twice:
            self._twice.discard(symbol)
            passing.append(message)
        held = self._held.get(symbol)
        if held is not None and held.stream == message.stream:
            passing.append(self._held.pop(symbol))
        return passing

    def _is_silent(self, message: Message, now_s: float) -> bool:
        if self._silent and now_s < self._silent.get(message.symbol, 0.0):
            return True
        if not (self._tradeless and message.is_trade):
            return False
        return now_s < max(self._tradeless.get(message.symbol, 0.0), self._tradeless.get(None, 0.0))
