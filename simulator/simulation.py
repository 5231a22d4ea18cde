"""Owns the run: several instruments side by side, merged by receive time."""

from __future__ import annotations

from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING

from simulator.delivery import Delivery
from simulator.dirt import CLEAN, Dirt
from simulator.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.events import Event
    from simulator.instrument import Instrument

START_MS = 1_735_689_600_000
"""Default exchange time of the start: 2025-01-01 00:00:00 UTC."""


def simulate(
    instruments: Iterable[Instrument],
    *,
    seconds: float,
    seed: int,
    start_ms: int = START_MS,
    dirt: Dirt = CLEAN,
) -> Iterator[Event]:
    """Simulate a market and yield what a collector receives, in the order of receive time.

    Equal arguments give equal bytes on every platform. An instrument's own events depend on `seed`, `start_ms`,
    `dirt` and the instrument itself, not on the others. Memory does not grow with `seconds`.

    Args:
        instruments: Distinct instruments, e.g. of `default_instruments`.
        seconds: Length of the run, above zero; rounded to milliseconds.
        seed: Any integer of 0 or more.
        start_ms: Exchange time of the start, milliseconds since 1970.
        dirt: What goes wrong on the way; nothing by default.

    >>> from simulator import default_instruments, simulate
    >>> events = list(simulate(default_instruments(1), seconds=1, seed=7))
    >>> events[0].venue, events[0].symbol
    ('binance-spot', 'BTCUSDT')
    """
    chosen = list(instruments)
    if len({instrument.name for instrument in chosen}) != len(chosen):
        msg = f"expected distinct instruments, received {[instrument.name for instrument in chosen]}"
        raise ValueError(msg)
    if seed < 0 or seconds <= 0:
        msg = f"expected seed >= 0 and seconds > 0, received {seed} and {seconds}"
        raise ValueError(msg)
    runs = [
        Delivery(instrument, seed, start_ms, dirt).events(Exchange(instrument, seed, start_ms).messages(seconds))
        for instrument in chosen
    ]
    return merge(*runs, key=attrgetter("recv_ns"))
