"""The metrics that need no memory, for the books of all instruments of a poll.

Owns the choice between the compiled loops over the books where they lie (``kernels.books``) and their twin: the blocks joined
to one, and ``orderbook.metrics.measure_books``. The same bits either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from kernels import compiled
from orderbook.metrics import COLUMNS, DEPTH_RATIO_MAX, LARGE_ORDERS_FULL, NEAR_LEVELS, Block, measure_books
from orderbook.near import BANDS_BPS
from orderbook.ofi import CUT_OFF_AT, LEVELS, PLACES, Carried, level_major, predecessors
from orderbook.presets import MeasureConfig
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED, RESYNCING

KNOWN: Final[Mapping[str, object]] = {
    "columns": COLUMNS,
    "bands_bps": BANDS_BPS,
    "levels": (NEAR_LEVELS, LARGE_ORDERS_FULL, DEPTH_RATIO_MAX, LEVELS, CUT_OFF_AT),
    "places": PLACES,
    "states": (LIVE, ONE_SIDED, EMPTY, CROSSED, RESYNCING),
}
"""What is written into ``kernels.books``. Who adds a column to the twin alone gets right numbers, slower."""


def usable(kernel: ModuleType | None) -> ModuleType | None:
    """The kernel, if it computes these columns; None: numpy does."""
    return kernel if kernel is not None and kernel.KNOWN == KNOWN else None


KERNEL: Final = usable(compiled("books"))


def measure_groups(
    blocks: Sequence[Block],
    states: bytes,
    config: MeasureConfig,
    before: Sequence[list[int]],
    carried: Sequence[Carried],
    *,
    contract_sizes: Sequence[float | None],
    kernel: ModuleType | None = KERNEL,
) -> npt.NDArray[np.float64]:
    """Compute the metrics that need no memory of the books of many instruments, as ``measure_books`` does.

    Args:
        blocks: Each instrument's books, in memory as they are; widths may differ.
        states: Of each book the code of its state, one byte each; the books of one instrument after those of another.
        config: The settings.
        before: Of each instrument its books' predecessors: the number of another of its books, or a code of ``orderbook.ofi``.
        carried: Of each instrument what was remembered from earlier batches.
        contract_sizes: Of each instrument the value of one contract; None where quantities are base units.
        kernel: ``kernels.books``; None: numpy, with the same bits.

    Returns:
        float64, shape (n, 26), columns as in ``COLUMNS``; NaN where undefined.

    Raises:
        ValueError: There are not as many states, predecessors or instruments as books, or blocks of another shape.
    """
    if kernel is None:
        return _measure_joined(blocks, states, config, before, carried, contract_sizes=contract_sizes)
    out = np.empty((len(states), len(COLUMNS)))
    kernel.measure(
        blocks, before, carried, contract_sizes, states, config.large_order_threshold_pct, config.depth_levels, out
    )
    return out


def _measure_joined(
    blocks: Sequence[Block],
    states: bytes,
    config: MeasureConfig,
    before: Sequence[list[int]],
    carried: Sequence[Carried],
    *,
    contract_sizes: Sequence[float | None],
) -> npt.NDArray[np.float64]:
    """``measure_groups`` by numpy: all books in one block."""
    books, counts = join_books(blocks), list(map(len, blocks))
    sizes = None
    if any(size is not None for size in contract_sizes):
        sizes = np.repeat(np.array(contract_sizes, np.float64), counts)  # None becomes NaN
    found = predecessors(books, counts, list(chain.from_iterable(before)), carried)
    return measure_books(books, np.frombuffer(states, np.int8), config, sizes, found)


def join_books(blocks: Sequence[Block]) -> Block:
    """Blocks one after the other, the narrow ones padded with absent levels; in memory as ``measure_books`` likes it.

    >>> join_books([np.ones((3, 2, 1, 2)), np.ones((1, 2, 5, 2))]).shape
    (4, 2, 5, 2)
    """
    count, widths = sum(map(len, blocks)), {block.shape[2] for block in blocks}
    width = max(widths)
    if len(widths) == 1 and width:
        # np.concatenate takes twice the time where there are thousands.
        joined = np.frombuffer(b"".join([block.tobytes() for block in blocks]))
        return level_major(joined.reshape(count, 2, width, 2)).transpose(3, 2, 1, 0)
    out = np.zeros((2, width, 2, count)).transpose(3, 2, 1, 0)
    at = 0
    for block in blocks:
        out[at : at + len(block), :, : block.shape[2]] = block
        at += len(block)
    return out
