from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]
Kind: TypeAlias = Literal["text", "number", "integer", "choice"]

class Form:
    def __init__(
        self,
        slots: Sequence[tuple[bytes, Kind, int, tuple[bytes, ...]]],
        end: bytes,
        sources: Sequence[int],
        instead: int,
        instead_from: int,
        instead_count: int,
    ) -> None: ...
    def gather(self, rows: list[Any], columns: Numbers, out: Numbers) -> None: ...
    def write(
        self, rows: list[Any], counts: list[int], texts: list[tuple[bytes, ...]], numbers: bytes
    ) -> list[bytes]: ...
