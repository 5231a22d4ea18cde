"""The module in process: what an update costs, and that memory stays flat: ``python -m benchmarks.module``.

Resident memory is told at every tenth of the way; the ratio is to ``float()`` of the same levels, the least that anybody
can do with them.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.workload import depth20
from connectors.decode import Decoder
from connectors.raw import RawBatch
from orderbook import OrderbookImbalanceModule

_BOOKS = 5_000


def books(symbols: int) -> list[tuple[str, list[list[str]], list[list[str]]]]:
    """Symbol, bids and asks of the benchmarks' own market, as text."""
    messages = list(itertools.islice(depth20(_BOOKS, symbols, 1), _BOOKS))
    batch = RawBatch(
        "raw",
        [0] * len(messages),
        list(range(len(messages))),
        [0] * len(messages),
        [message.key for message in messages],
        [message.value for message in messages],
        [None] * len(messages),
    )
    found = []
    for group in Decoder().decode(batch).groups:
        for levels in group.levels.tolist():
            bids, asks = ([[repr(price), repr(quantity)] for price, quantity in side] for side in levels)
            found.append((group.instrument, bids, asks))
    return found


def resident_mb() -> float:
    """Resident memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    """Update many times, look after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.module", description=__doc__)
    parser.add_argument("--updates", type=int, default=1_000_000)
    parser.add_argument("--symbols", type=int, default=50)
    given = parser.parse_args()
    console = Console(width=110)
    told = books(given.symbols)
    start = time.process_time()
    for _, bids, asks in told:
        for price, quantity in (*bids, *asks):
            float(price), float(quantity)
    baseline_us = (time.process_time() - start) / len(told) * 1e6
    module = OrderbookImbalanceModule()
    table = Table(title=f"{given.updates:,} updates of {given.symbols} symbols, 20 levels a side")
    for column in ("updates", "resident MB", "CPU us/update", "x float()"):
        table.add_column(column, justify="right")
    turns = itertools.cycle(told)
    step = given.updates // 10
    for tenth in track(range(1, 11), "updating", console=console):
        start = time.process_time()
        for symbol, bids, asks in itertools.islice(turns, step):
            module.update_orderbook(symbol, bids, asks)
            module.get_metrics(symbol)
        cost_us = (time.process_time() - start) / step * 1e6
        table.add_row(f"{tenth * step:,}", f"{resident_mb():.1f}", f"{cost_us:.0f}", f"{cost_us / baseline_us:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
