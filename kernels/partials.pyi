from typing import Any

class Loop:
    def __init__(
        self, partial_type: type, row_type: type, states: tuple[int, int, int, int], second_ms: int
    ) -> None: ...
    def __call__(self, events: Any, levels: Any, lane: Any, notices: Any, caller: Any, /) -> Any: ...
