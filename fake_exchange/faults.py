"""Owns what can go wrong on request: the kinds, how one is written, and a seeded plan of many.

What a fault does is done elsewhere: on the way of the messages (`disturbance`), at the sockets (`hub`), at REST (`rest`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

KINDS: Final = {
    "cut": "the connections that carry the symbol are aborted (without a symbol: all)",
    "gap": "1 to 5 differences of the symbol are left out",
    "duplicate": "the symbol's next depth message is sent twice",
    "reorder": "the symbol's next depth message is sent after the one that follows it",
    "garbage": "a frame that is no JSON is sent on the connections that carry the symbol",
    "silence": "nothing of the symbol is sent for `seconds`",
    "silent_socket": "the connections that carry the symbol send nothing for `seconds`; what was due then is lost",
    "slow": "the connections that carry the symbol hold their frames back for `seconds`, then send all",
    "rate_limit": "the next 2 requests are answered with 429 and Retry-After: 1 (with a symbol: and it has a gap)",
    "ban": "requests are answered with 418 and Retry-After for `seconds` (with a symbol: and it has a gap)",
    "server_error": "the next 2 requests are answered with 503 (with a symbol: and it has a gap)",
    "shutdown": "serverShutdown on the connections that carry the symbol; they are closed after `seconds`",
    "expiry": "the connections that carry the symbol are closed as after 24 hours (without a symbol: all)",
    "stale_snapshot": "a gap, and the next depth request of the symbol is answered with the book of before the gap",
    "silent_trades": "no trades of the symbol for `seconds` (without a symbol: of all), depth goes on",
}
"""Each with what it does."""

_SECONDS: Final = {
    "silence": 3.0,
    "silent_socket": 3.0,
    "slow": 1.0,
    "ban": 3.0,
    "shutdown": 3.0,
    "silent_trades": 5.0,
}
OF_SOCKETS: Final = frozenset({"cut", "garbage", "silent_socket", "slow", "shutdown", "expiry"})
"""These befall connections, and with them all symbols that they carry."""

WITH_A_GAP: Final = frozenset({"gap", "stale_snapshot", "rate_limit", "ban", "server_error"})
"""These leave differences of their symbol out: what befalls requests is not seen until somebody has to ask."""

_FAULT: Final = re.compile(
    r"(?P<kind>[a-z_]+)(?::(?P<symbol>[^@:/\s]+))?(?:@(?P<at>\d+(?:\.\d+)?))?(?:/(?P<long>\d+(?:\.\d+)?))?"
)


class FaultError(ValueError):
    """A fault that is none; the message says what would be one."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: one of KINDS.
        symbol: upper case; None: all, or none in particular.
        at_s: seconds after the streams began; 0: at once.
        seconds: how long it lasts, where it lasts.
    """

    kind: str
    symbol: str | None = None
    at_s: float = 0.0
    seconds: float = 0.0


def parse_fault(text: str) -> Fault:
    """Read ``kind[:SYMBOL][@second][/seconds]``, as in ``gap:BTCUSDT@12.5`` or ``silence:BTCUSDT@5/10``.

    Raises:
        FaultError: It is written in another way, or the kind is not known.
    """
    match = _FAULT.fullmatch(text)
    if match is None:
        raise FaultError(f"expected kind[:SYMBOL][@second][/seconds], as in gap:BTCUSDT@12.5, received {text!r}")
    return make_fault(match["kind"], match["symbol"], float(match["at"] or 0), float(match["long"] or 0))


def make_fault(kind: str, symbol: str | None = None, at_s: float = 0.0, seconds: float = 0.0) -> Fault:
    """A fault whose length is the kind's own unless it is said.

    Raises:
        FaultError: The kind is not known.
    """
    if kind not in KINDS:
        raise FaultError(f"expected a kind of {', '.join(KINDS)}, received {kind!r}")
    named = None if symbol is None else symbol.upper()
    return Fault(kind, named, at_s, seconds or _SECONDS.get(kind, 0.0))


def plan(count: int, seed: int, symbols: Sequence[str], within_s: float) -> list[Fault]:
    """Faults of all kinds at random, spread evenly over a time; equal arguments give equal plans.

    Every kind comes as often as every other, or once more; and so does every symbol, never twice running.
    """
    draw = Random(seed)  # noqa: S311  (a plan, not a key)
    kinds = [*KINDS] * (count // len(KINDS)) + draw.sample([*KINDS], count % len(KINDS))
    draw.shuffle(kinds)
    turns = draw.sample(symbols, len(symbols))
    slot = within_s / max(count, 1)
    return [
        make_fault(kind, turns[number % len(turns)], round((number + 0.2 + 0.6 * draw.random()) * slot, 3))
        for number, kind in enumerate(kinds)
    ]
