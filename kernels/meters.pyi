from collections import Counter

from kernels.cells import Rows
from kernels.columns import Columns
from kernels.lanes import Lane

class Meter:
    def __init__(self, threshold: float, depth_levels: int, second_ms: int, no_predecessor: int) -> None: ...
    def measure(
        self,
        columns: Columns,
        numbers: list[int],
        lanes: dict[str, Lane],
        rows: Rows,
        partitions: list[int],
        marks: list[object],
        counts: list[int],
        notices: Counter[str],
        /,
    ) -> tuple[list[int], int]: ...
