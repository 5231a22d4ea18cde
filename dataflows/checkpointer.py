"""When a checkpoint is written: between two epochs, at a bounded price.

Owns the price: at least so many messages of a partition between two checkpoints, and its bytes at most one in twenty of
those read meanwhile, however large the books are. One partition at a time, so that no epoch pays for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors.journal import Checkpoint, Journal, Standing
from dataflows.shelf import Shelf

_SHARE: Final = 20
"""Bytes read for one byte of a checkpoint, at least."""

Ends = Callable[[int], tuple[int, int]]
"""By partition: offsets in the metrics and the faults topic behind which nothing is written yet."""


class Checkpointer:
    """Writes the states on the shelf into the journal.

    Args:
        journal: to write to.
        shelf: has the states.
        ends: where the output of a partition ends now.
        generation: by partition.
        positions: where reading begins, by partition.
        settings: that the numbers depend on.
        interval: messages of a partition between two checkpoints, at least.
    """

    def __init__(
        self,
        journal: Journal,
        shelf: Shelf,
        ends: Ends,
        *,
        generation: Mapping[int, int],
        positions: Mapping[int, int],
        settings: Mapping[str, Any],
        interval: int,
    ) -> None:
        self._journal = journal
        self._shelf = shelf
        self._ends = ends
        self._generation = generation
        self._settings = settings
        self._interval = interval
        self._last = dict(positions)
        self._credit_bytes = 0
        self._read_bytes = 0

    def settled(self, positions: Mapping[int, int], read_bytes: int) -> None:
        """Everything before ``positions`` was answered and stored: the moment at which the shelf is of one piece."""
        self._journal.poll()
        self._credit_bytes += read_bytes - self._read_bytes
        self._read_bytes = read_bytes
        for partition, position in positions.items():
            # A position that was never told is that of a run whose recovery point is newer than the state's beginning.
            if position - self._last.setdefault(partition, position) < self._interval:
                continue
            if _SHARE * self._shelf.size_of(partition) > self._credit_bytes:
                continue
            states = self._shelf.of_partition(partition)
            standing = Standing(self._generation[partition], position, *self._ends(partition))
            if self._journal.checkpoint(partition, Checkpoint(standing, self._settings, states)):
                self._credit_bytes = 0
            self._last[partition] = position
            return
