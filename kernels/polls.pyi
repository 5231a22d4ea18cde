from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.columns import Columns

BOOK: Final[int]
CHANGE: Final[int]
LINKED: Final[int]
FREE: Final[int]
QUOTE: Final[int]
TRADE: Final[int]
AGG_TRADE: Final[int]

def names_of(fields: int) -> list[str]: ...

_Told: TypeAlias = tuple[bytes | None, str | None, bytes | None, str | None, None]

class Scan:
    @property
    def names(self) -> list[tuple[str, int]]: ...
    def __init__(
        self,
        most_bytes: int,
        most_levels: int,
        resolve: Callable[[tuple[_Told, str | None, int]], tuple[str, int, type[tuple[Any, ...]], str] | None],
    ) -> None: ...
    def read(
        self,
        values: list[bytes | None],
        keys: list[bytes | None],
        headers: list[list[tuple[str, bytes]] | None],
        partitions: list[int],
        offsets: list[int],
        timestamps_ms: list[int],
        slots: list[int],
    ) -> list[int]: ...
    def finish(
        self,
        slots: list[int],
        events: list[Any],
        drafts: dict[int, Any],
        names: list[tuple[str, int]],
        most_width: int,
        book: type,
        in_columns: bool = False,
    ) -> tuple[list[tuple[int, list[Any], npt.NDArray[np.float64]]], Columns, dict[str, list[int]]]: ...
