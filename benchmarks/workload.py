"""The seeded input of the benchmarks: depth20 messages of many symbols, or full books' differences with trades.

No clock and no network in it: equal arguments give equal bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import islice, tee
from typing import Final, NamedTuple, TypeAlias

from simulator import Event, simulate
from simulator.presets import instruments_of

LEVELS: Final = 20
_TICK: Final = 0.1
_START_MS: Final = 1_700_000_000_000
_BOOKS: Final = 100_000
"""After so many books the first ones come again, with new ids and times: making them costs more than all else."""

_VENUE: Final = "binance-usdm"
_TAPES: Final = 8
_STREAMS: Final = ("depth@0ms", "trade", "snapshot")
_WHOLE_BOOK: Final = 1_000_000
_SIDE_LEVELS: Final = 2_500
_BEAT_NS: Final = 50_000_000
_FOR_EVER_S: Final = 1e6


class Message(NamedTuple):
    """One message as a feed would write it."""

    key: bytes
    value: bytes
    partition: int
    is_depth: bool = True
    """Whether the job makes a record of it."""


def depth20(messages: int, symbols: int, partitions: int, seed: int = 1) -> Iterator[Message]:
    """USD-M partial depth messages of about 960 bytes, round robin over the symbols, a random walk each."""
    rng = random.Random(seed)  # a workload, not a secret
    mids = [rng.uniform(100, 60_000) for _ in range(symbols)]
    ids = [0] * symbols
    event_ms = _START_MS
    books: list[str] = []
    most = _BOOKS // symbols * symbols
    for number in range(messages):
        index = number % symbols
        event_ms += 100 if index == 0 else 0
        if number < most:
            mids[index] *= 1 + rng.gauss(0, 1e-5)
        first = ids[index] + 1
        ids[index] += rng.randint(1, 50)
        symbol = f"SYM{index:03d}USDT"
        if number < most:
            bids, asks = (_side(rng, mids[index] + start, step) for start, step in ((0.0, -_TICK), (_TICK, _TICK)))
            books.append(f'"b":[{bids}],"a":[{asks}]')
        value = (
            f'{{"stream":"{symbol.lower()}@depth20@100ms","data":{{"e":"depthUpdate","E":{event_ms},"T":{event_ms - 3},'
            f'"s":"{symbol}","U":{first},"u":{ids[index]},"pu":{first - 1},{books[number % most]}}}}}'
        )
        yield Message(f"binance-usdm:{symbol}".encode(), value.encode(), index % partitions)


def _side(rng: random.Random, price: float, step: float) -> str:
    return ",".join(
        f'["{price + step * level:.2f}","{max(rng.expovariate(1 / 1.5), 0.001):.3f}"]' for level in range(LEVELS)
    )


def diff_books(messages: int, symbols: int, partitions: int, seed: int = 1) -> Iterator[Message]:
    """A simulated USD-M market: snapshots of whole books (5 000 levels), then each book's differences every 50 ms, and its trades.

    A few simulated instruments go under many symbols, each a little later than the one before, so that not all have the same
    burst at one instant.
    """
    tapes = [
        replace(
            instrument,
            streams=_STREAMS,
            snapshot_levels=_WHOLE_BOOK,
            flow=replace(instrument.flow, levels=_SIDE_LEVELS),
        )
        for instrument in instruments_of(_VENUE, min(symbols, _TAPES))
    ]
    copies = [
        iter(tee(simulate([tape], seconds=_FOR_EVER_S, seed=seed), -(-(symbols - number) // len(tapes))))
        for number, tape in enumerate(tapes)
    ]
    runs = [_renamed(next(copies[number % len(tapes)]), number, symbols, partitions) for number in range(symbols)]
    for _, message in islice(merge(*runs, key=lambda timed: timed[0]), messages):
        yield message


def _renamed(events: Iterator[Event], number: int, symbols: int, partitions: int) -> Iterator[tuple[int, Message]]:
    """(time ns, message) under another symbol."""
    symbol = f"SYM{number:03d}USDT"
    key = f"{_VENUE}:{symbol}".encode()
    later_ns = number * _BEAT_NS // symbols
    for event in events:
        value = event.payload.replace(b'"%b@' % event.symbol.lower().encode(), b'"%b@' % symbol.lower().encode(), 1)
        value = value.replace(b'"s":"%b"' % event.symbol.encode(), b'"s":"%b"' % symbol.encode(), 1)
        yield event.recv_ns + later_ns, Message(key, value, number % partitions, "@depth" in event.stream)


Workload: TypeAlias = Callable[[int, int, int], Iterator[Message]]
"""Makes so many messages of so many symbols for so many partitions."""

WORKLOADS: Final[dict[str, Workload]] = {"depth20": depth20, "diff": diff_books}
SYMBOLS: Final = {"depth20": 20, "diff": 500}
"""How many of them, when nobody says."""
