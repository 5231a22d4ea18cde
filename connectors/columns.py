"""Tables of equal columns, the form in which messages are decoded many at a time.

Owns how rows are taken from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import compress
from typing import Any

from typing_extensions import Self


@dataclass(slots=True)
class Table:
    """Base of dataclasses whose fields are all lists of one length."""

    def _columns(self) -> list[list[Any]]:
        return [getattr(self, column.name) for column in fields(self)]

    def only(self, keep: Iterable[object]) -> Self:
        """The rows whose ``keep`` is true."""
        flags = list(keep)
        return type(self)(*(list(compress(column, flags)) for column in self._columns()))

    def part(self, start: int, stop: int) -> Self:
        """The rows from ``start`` to before ``stop``."""
        return type(self)(*(column[start:stop] for column in self._columns()))
