from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]

KNOWN: Final[dict[str, tuple[object, ...]]]

def measure(
    blocks: Sequence[Numbers],
    before: Sequence[list[int]],
    carried: Sequence[tuple[Numbers, Numbers]],
    sizes: Sequence[float | None],
    states: bytes,
    threshold: float,
    depth_levels: int,
    out: Numbers,
    /,
) -> None: ...
