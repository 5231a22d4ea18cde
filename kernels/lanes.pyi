from collections.abc import Mapping
from typing import Any, Final

KNOWN: Final[Mapping[str, object]]

class Lane:
    flow: Any
    seq: int
    last_id: int
    clock_ms: int
    contract_size: float
    told: bool
    partition: int | None
    mark: object
    def __init__(self, flow: Any, id_reset_ms: int, before: int) -> None: ...
    @property
    def carried(self) -> Any: ...
    @property
    def begun(self) -> bool: ...
    def settle(self) -> None: ...
    def resume(self, block: Any) -> None: ...
    def packed(self) -> bytes: ...
