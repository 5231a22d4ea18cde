from typing import Any, Final

import numpy as np
import numpy.typing as npt

BOOK: Final[int]
CHANGE: Final[int]
LINKED: Final[int]
FREE: Final[int]
QUOTE: Final[int]
TRADE: Final[int]
AGG_TRADE: Final[int]

def names_of(fields: int) -> list[str]: ...

class Scan:
    identities: list[tuple[tuple[bytes | None, str | None, bytes | None, str | None, None], int, str | None, int]]
    def __init__(
        self,
        values: list[bytes | None],
        keys: list[bytes | None],
        headers: list[list[tuple[str, bytes]] | None],
        partitions: list[int],
        offsets: list[int],
        timestamps_ms: list[int],
        most_bytes: int,
        most_levels: int,
    ) -> None: ...
    def settle(self, plans: list[tuple[int, int, type] | None], slots: list[int]) -> list[int]: ...
    def finish(
        self,
        slots: list[int],
        events: list[Any],
        drafts: dict[int, Any],
        groups: int,
        most_width: int,
        book: type,
    ) -> tuple[list[list[Any]], list[int], list[int], npt.NDArray[np.float64]]: ...
