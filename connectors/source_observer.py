"""Who looks on while a source reads: how it goes, and when everything read so far is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias


class SourceObserver(Protocol):
    """Who wants to know how reading goes; called by batch or by second, never by message."""

    def batch(self, messages: int, size_bytes: int) -> None:
        """A batch was read."""

    def lag(self, partition: int, messages: int) -> None:
        """So many messages of a partition are not read yet, as far as is known without asking."""

    def recovery_point(self) -> None:
        """The position was taken for a recovery point."""

    def epoch_pause(self, seconds: float) -> None:
        """Between two epochs nothing was read for so long: outputs were acknowledged, and the recovery point was stored."""


Settled: TypeAlias = Callable[[Mapping[int, int], int], None]
"""Told between two epochs, when everything read so far was answered and is in a recovery point: the next offset by partition,
and the bytes read so far."""
