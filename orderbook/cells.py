"""Measured rows without Python's objects: the choice between ``kernels.cells`` and its twin, rows as tuples.

Owns what must be so for the kernel's memory to hold ``Row`` and the columns of its metrics. Who adds a field to either gets
the twin, slower and right, until the kernel knows it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Protocol, get_type_hints

import numpy as np
import numpy.typing as npt

from kernels import compiled
from orderbook.metrics import COLUMNS
from orderbook.near import BANDS_BPS, Values
from orderbook.rows import Row


class Rows(Protocol):
    """Rows of some instruments, those of one after those of another, with their stateless metrics."""

    def __len__(self) -> int:
        """How many."""

    def rows(self) -> Sequence[tuple[Any, ...]]:
        """They as tuples of the items of ``Row``."""

    def integers(self, place: int, /) -> list[Any]:
        """The integers at this place of all rows; None: not known."""

    def take(self, others: Any, /) -> None:
        """Add the rows of others, of the same kind, behind these."""

    def copy_columns(self, out: npt.NDArray[np.float64], /) -> None:
        """Fill ``out``, shape (n, 26), with the metrics; those near mid of a full book, which the row has, among them."""


NEAR_NAMES: Final = tuple(f"{side}_notional_{bps}bps" for bps in BANDS_BPS for side in ("bid", "ask"))
"""What the item ``near`` of a row tells, in its order."""

_NEAR: Final = [COLUMNS.index(name) for name in NEAR_NAMES]

_KINDS: Final[Mapping[object, str]] = {
    int: "integer",
    int | None: "integer",
    float | None: "number",
    Values | None: "near",
}

KNOWN: Final[Mapping[str, object]] = {
    "items": tuple((name, _KINDS.get(hint, "")) for name, hint in get_type_hints(Row).items()),
    "columns": COLUMNS,
    "near": NEAR_NAMES,
}
"""What is written into ``kernels.cells``."""


def usable(kernel: ModuleType | None) -> ModuleType | None:
    """The kernel, if its cells have these rows' items and columns; None: rows stay tuples."""
    return kernel if kernel is not None and kernel.KNOWN == KNOWN else None


KERNEL: Final = usable(compiled("cells"))


class PlainRows:
    """The twin of ``kernels.cells.Rows``."""

    def __init__(self, rows: Sequence[Row], columns: npt.NDArray[np.float64]) -> None:
        if columns.shape != (len(rows), len(COLUMNS)):
            raise ValueError(f"expected {len(rows)} rows of {len(COLUMNS)} columns, received {columns.shape}")
        self._rows, self._columns = list(rows), columns

    def __len__(self) -> int:
        """How many."""
        return len(self._rows)

    def rows(self) -> Sequence[Row]:
        """As they were given."""
        return self._rows

    def take(self, others: Rows) -> None:
        """Add the rows of others behind these."""
        columns = np.empty((len(others), len(COLUMNS)))
        others.copy_columns(columns)
        self._rows += [Row._make(row) for row in others.rows()]
        self._columns = np.concatenate((self._columns, columns))

    def integers(self, place: int) -> list[Any]:
        """The integers at this place of all rows; None: not known."""
        return [row[place] for row in self._rows]

    def copy_columns(self, out: npt.NDArray[np.float64]) -> None:
        """Fill ``out``, shape (n, 26)."""
        out[:] = self._columns
        for index, row in enumerate(self._rows):
            if row.near is not None:
                out[index, _NEAR] = np.array(row.near, np.float64)  # None becomes NaN


def rows_of(rows: list[Row], columns: npt.NDArray[np.float64], *, kernel: ModuleType | None = KERNEL) -> Rows:
    """Rows of tuples.

    Args:
        rows: What a measurer gave, its integers above -2^63 and below 2^63.
        columns: Of each row the stateless metrics, shape (n, 26).
        kernel: ``kernels.cells``; None: its twin.

    Raises:
        ValueError: there are not as many columns as rows.
    """
    if kernel is None:
        return PlainRows(rows, columns)
    made: Rows = kernel.Rows.of(rows, columns)
    return made


def join(some: Sequence[Rows]) -> Rows:
    """The rows of one after those of another, all of the same kind; a value of their own."""
    made: Rows
    if KERNEL is None or isinstance(some[0], PlainRows):
        made = PlainRows([], np.empty((0, len(COLUMNS))))
    else:
        made = KERNEL.Rows(sum(map(len, some)))
    for rows in some:
        made.take(rows)
    return made
