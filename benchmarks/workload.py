"""The seeded input of the benchmarks: depth20 messages of many symbols, with no clock and no network in them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

LEVELS: Final = 20
_TICK: Final = 0.1
_START_MS: Final = 1_700_000_000_000


class Message(NamedTuple):
    """One message as a feed would write it."""

    key: bytes
    value: bytes
    partition: int


def depth20(messages: int, symbols: int, partitions: int, seed: int = 1) -> Iterator[Message]:
    """USD-M partial depth messages of about 960 bytes, round robin over the symbols, a random walk each."""
    rng = random.Random(seed)  # a workload, not a secret
    mids = [rng.uniform(100, 60_000) for _ in range(symbols)]
    ids = [0] * symbols
    event_ms = _START_MS
    for number in range(messages):
        index = number % symbols
        event_ms += 100 if index == 0 else 0
        mids[index] *= 1 + rng.gauss(0, 1e-5)
        first = ids[index] + 1
        ids[index] += rng.randint(1, 50)
        symbol = f"SYM{index:03d}USDT"
        bids, asks = (_side(rng, mids[index] + start, step) for start, step in ((0.0, -_TICK), (_TICK, _TICK)))
        value = (
            f'{{"stream":"{symbol.lower()}@depth20@100ms","data":{{"e":"depthUpdate","E":{event_ms},"T":{event_ms - 3},'
            f'"s":"{symbol}","U":{first},"u":{ids[index]},"pu":{first - 1},"b":[{bids}],"a":[{asks}]}}}}'
        )
        yield Message(f"binance-usdm:{symbol}".encode(), value.encode(), index % partitions)


def _side(rng: random.Random, price: float, step: float) -> str:
    return ",".join(
        f'["{price + step * level:.2f}","{max(rng.expovariate(1 / 1.5), 0.001):.3f}"]' for level in range(LEVELS)
    )
