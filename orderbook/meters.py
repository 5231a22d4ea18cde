"""Partial books of many instruments, measured at once, for instruments that are told nothing else.

Owns the choice of the compiled pass (``kernels.meters``): every kernel that has a part in it must know the states, items and
columns that are known here. What it does is what a measurer and ``orderbook.groups`` do one after the other: the same bits.
"""

from __future__ import annotations

from collections import Counter
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeAlias

from kernels import compiled
from orderbook import cells, groups, partial_lane
from orderbook.cells import Rows
from orderbook.ofi import NO_PREDECESSOR
from orderbook.presets import MeasureConfig
from orderbook.windows import SECOND_MS

_PARTS: Final = (cells.KERNEL, groups.KERNEL, partial_lane.KERNEL)
KERNEL: Final = compiled("meters") if None not in _PARTS else None

_new_tuple: Final = tuple.__new__

Lanes: TypeAlias = dict[str, Any]
"""By instrument the ``kernels.lanes.Lane`` of each (``Measurer.lane``), with its ``partition`` and the caller's ``mark``.

The kernel remembers lanes that it found in here: who takes one out sets its ``partition`` to None.
"""


class Metered(NamedTuple):
    """What became of groups.

    Attributes:
        rows: Those of one group after those of another.
        partitions: Of the groups that have rows.
        marks: Of their lanes.
        counts: How many rows each of them has.
        rest: The numbers of the groups that are in no lane: nothing was done with them.
        stale: How many messages are no records because they are old.
        notices: As in ``orderbook.measurer.Measured``.
    """

    rows: Rows
    partitions: list[int]
    marks: list[Any]
    counts: list[int]
    rest: list[int]
    stale: int
    notices: Counter[str]


class Meter:
    """Measures partial books that lie in columns.

    Args:
        config: What to measure.
        kernel: ``kernels.meters``.
    """

    def __init__(self, config: MeasureConfig, kernel: ModuleType) -> None:
        assert cells.KERNEL is not None, "a part of the kernel"
        self._rows = cells.KERNEL.Rows
        self._notices = Counter[str]()
        self._meter = kernel.Meter(config.large_order_threshold_pct, config.depth_levels, SECOND_MS, NO_PREDECESSOR)

    def measure(self, columns: Any, numbers: list[int], lanes: Lanes) -> Metered:
        """Measure some of the groups in ``columns`` (``kernels.columns``), each in the lane of its instrument."""
        rows, notices = self._rows(len(numbers)), self._notices
        partitions: list[int] = []
        marks: list[Any] = []
        counts: list[int] = []
        rest, stale = self._meter.measure(columns, numbers, lanes, rows, partitions, marks, counts, notices)
        if notices:  # most batches count nothing, and counters are dear
            self._notices = Counter()
        return _new_tuple(Metered, (rows, partitions, marks, counts, rest, stale, notices))


def new_meter(config: MeasureConfig, kernel: ModuleType | None = KERNEL) -> Meter | None:
    """A meter; None: books are measured instrument by instrument."""
    return None if kernel is None else Meter(config, kernel)
