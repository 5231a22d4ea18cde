"""Measured rows without Python's objects: the choice of ``kernels.cells``.

Owns what must be so for its memory to hold ``Row`` and its columns. Who adds a field to either gets rows of tuples, slower
and right, until the kernel knows it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final, Protocol, get_type_hints

import numpy as np
import numpy.typing as npt

from kernels import compiled
from orderbook.metrics import COLUMNS
from orderbook.near import Values
from orderbook.rows import Row


class Rows(Protocol):
    """What ``kernels.cells.Rows`` is: rows of some instruments, those of one after those of another.

    Their last item is None: the rows of full books stay tuples.
    """

    @property
    def count(self) -> int:
        """How many rows."""

    def rows(self) -> Sequence[tuple[Any, ...]]:
        """They as tuples of the items of ``Row``."""

    def copy_columns(self, out: npt.NDArray[np.float64], /) -> None:
        """Fill ``out``, shape (n, 26), with their stateless metrics."""


_KINDS: Final[Mapping[object, str]] = {
    int: "integer",
    int | None: "integer",
    float | None: "number",
    Values | None: "near",
}

KNOWN: Final[Mapping[str, object]] = {
    "items": tuple((name, _KINDS.get(hint, "")) for name, hint in get_type_hints(Row).items()),
    "columns": COLUMNS,
}
"""What is written into ``kernels.cells``."""


def usable(kernel: ModuleType | None) -> ModuleType | None:
    """The kernel, if its cells have these rows' items and columns; None: rows stay tuples."""
    return kernel if kernel is not None and kernel.KNOWN == KNOWN else None


KERNEL: Final = usable(compiled("cells"))
