from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.cells import Rows

Numbers: TypeAlias = npt.NDArray[np.float64]
Kind: TypeAlias = Literal["text", "number", "integer", "choice"]

class Form:
    def __init__(
        self,
        slots: Sequence[tuple[bytes, Kind, int, tuple[bytes, ...]]],
        end: bytes,
        sources: Sequence[int],
        time: int,
        numbers: Numbers,
        show: Callable[[Numbers], bytes],
    ) -> None: ...
    def write(
        self,
        rows: Rows,
        first: int,
        counts: list[int],
        texts: list[tuple[bytes, ...]],
        into: list[tuple[list[bytes | None], list[bytes | None], list[int]]],
    ) -> None: ...
