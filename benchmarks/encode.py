"""What encoding a record costs, compiled and not: ``python -m benchmarks.encode``.

CPU time, the best of many rounds in turns, of polls of depth20 messages: of few instruments with many rows each, and of
as many as there are rows. All make the same bytes; the plain one, a document through orjson each, is the baseline.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.workload import depth20
from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.encode import RecordEncoder
from connectors.encode_form import Texts, remembered
from connectors.outgoing import Columns
from connectors.raw import RawBatch
from orderbook import MeasureConfig, Measurer, measure_books
from orderbook.cells import Rows
from orderbook.groups import join_books
from orderbook.record import LIVE
from orderbook.rows import Row

_POLL: Final = 2_000
_INSTRUMENTS: Final = (20, _POLL)
_POLLS: Final = 4


class Measured(NamedTuple):
    """A poll as the encoder gets it."""

    rows: list[Row]
    metrics: npt.NDArray[np.float64]
    counts: list[int]
    texts: list[Texts]


def polls(instruments: int) -> Iterator[Measured]:
    """Polls of the benchmarks' own market, measured."""
    config, decoder = MeasureConfig(), Decoder()
    measurers: dict[str, Measurer] = {}
    batch = RawBatch("depth.raw")
    for offset, message in enumerate(depth20(_POLL * _POLLS, instruments, 1)):
        batch.append(message.value, key=message.key, offset=offset)
        if len(batch) == _POLL:
            groups = decoder.decode(batch).groups
            yield _measured(groups, measurers, config)
            batch = RawBatch("depth.raw")


def _measured(groups: list[Group], measurers: dict[str, Measurer], config: MeasureConfig) -> Measured:
    told = [
        measurers.setdefault(group.instrument, Measurer(config)).feed(group.events, group.levels) for group in groups
    ]
    rows = [row for measured in told for row in measured.rows]
    states = np.full(len(rows), LIVE, np.int8)
    texts = [remembered("depth.raw")[group.instrument, 0] for group in groups]
    metrics = measure_books(join_books([measured.books for measured in told]), states, config)
    return Measured(rows, metrics, [len(measured.rows) for measured in told], texts)


def records(encoder: RecordEncoder, rows: Rows, poll: Measured) -> list[bytes | None]:
    """A poll's records."""
    into: Columns = [], [], []
    encoder.encode(rows, 0, poll.counts, poll.texts, [into] * len(poll.counts))
    return into[1]


def seconds(encoder: RecordEncoder, measured: list[Measured], *, as_tuples: bool) -> float:
    """CPU time of encoding these polls once; the way from tuples to what the encoder likes is in it, or not."""
    ready = [(encoder.rows(poll.rows, poll.metrics), poll) for poll in measured]
    start = time.process_time()
    for rows, poll in ready:
        records(encoder, encoder.rows(poll.rows, poll.metrics) if as_tuples else rows, poll)
    return time.process_time() - start


def main() -> None:
    """Encode in turns, tell the best."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    compiled = RecordEncoder()
    ways = {
        "plain": partial(seconds, RecordEncoder(pure=True), as_tuples=True),
        "compiled, of tuples": partial(seconds, compiled, as_tuples=True),
        "compiled, of cells": partial(seconds, compiled, as_tuples=False),
    }
    table = Table(title="CPU us a record")
    for column in ("instruments", *ways, "factor"):
        table.add_column(column, justify="right")
    for instruments in _INSTRUMENTS:
        measured = list(polls(instruments))
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(rounds):
            for name, way in ways.items():
                best[name] = min(best[name], way(measured))
        us = [spent / (_POLL * _POLLS) * 1e6 for spent in best.values()]
        table.add_row(f"{instruments:,}", *(f"{one:.2f}" for one in us), f"{us[0] / us[-1]:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
