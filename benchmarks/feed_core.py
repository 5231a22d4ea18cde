"""What the core of a live feed costs a frame, beside parsing the frame once with orjson: ``python -m benchmarks.feed_core``.

The frames are those of the simulated market; the core's actions are thrown away, and no socket is there.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from time import process_time

import orjson

from connectors.binance.actions import Open
from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions, stream_kind
from connectors.binance.venue import VENUES
from simulator import default_instruments, simulate

ROUNDS = 5


def main(seconds: float) -> None:
    """Print microseconds a frame for each venue and stream."""
    frames: dict[tuple[str, str], list[tuple[bytes, int]]] = defaultdict(list)
    symbols: dict[tuple[str, str], str] = {}
    for event in simulate(default_instruments(4), seconds=seconds, seed=7):
        key = event.venue, event.stream.partition("@")[2]
        if symbols.setdefault(key, event.symbol) == event.symbol:
            frames[key].append((event.payload, event.recv_ns))
    print(f"{'venue':14} {'stream':14} {'frames':>8} {'bytes':>7} {'core us':>8} {'orjson us':>10}")
    for (venue, suffix), own in sorted(frames.items()):
        if stream_kind(suffix, VENUES[venue]) is not None:
            size = sum(len(data) for data, _ in own) / len(own)
            core_us, parse_us = _core_us(venue, suffix, symbols[venue, suffix], own), _parse_us(own)
            print(f"{venue:14} {suffix:14} {len(own):8} {size:7.0f} {core_us:8.2f} {parse_us:10.2f}")


def _core_us(venue: str, suffix: str, symbol: str, frames: list[tuple[bytes, int]]) -> float:
    core = FeedCore(VENUES[venue], FeedOptions(streams=(suffix,)), ws_url="", rest_url="", jitter=lambda: 0.5)
    core.want([symbol], 0.0)
    (socket,) = [action.socket for action in core.actions if isinstance(action, Open)]
    core.opened(socket, 0.0)

    def run() -> None:
        for data, recv_ns in frames:
            core.frame(socket, data, recv_ns, 1.0)
            core.actions.clear()

    return _best_us(run, len(frames))


def _parse_us(frames: list[tuple[bytes, int]]) -> float:
    def run() -> None:
        for data, _ in frames:
            orjson.loads(data)

    return _best_us(run, len(frames))


def _best_us(run: Callable[[], None], frames: int) -> float:
    """Processor time a frame of the best round: the machine may do other things."""
    best_s = float("inf")
    for _ in range(ROUNDS):
        start_s = process_time()
        run()
        best_s = min(best_s, process_time() - start_s)
    return best_s / frames * 1e6


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
