"""The newest states of all instruments of a process, as values: what a checkpoint is made of, and what a state began with.

Owns that the states on the shelf belong together. A step puts an instrument's state here when Bytewax asks for it, at an
epoch's end; between two epochs, when nothing is under way, the shelf is the state after exactly the messages read so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class InstrumentState(NamedTuple):
    """One instrument's memory as plain values: what Bytewax keeps, and what a checkpoint holds."""

    instrument: str
    partition: int
    measurer: bytes


class Shelf:
    """States by instrument.

    Args:
        seed: what the state of this process's life began with (a checkpoint), for instruments that no recovery point knows.
    """

    def __init__(self, seed: Iterable[InstrumentState] = ()) -> None:
        self._states = {state.instrument: state for state in seed}

    def put(self, state: InstrumentState) -> None:
        """Take the newest state of an instrument."""
        self._states[state.instrument] = state

    def get(self, instrument: str) -> InstrumentState | None:
        """What is known of an instrument; None for a new one."""
        return self._states.get(instrument)

    def of_partition(self, partition: int) -> Mapping[str, bytes]:
        """The states of the instruments that live in ``partition``, in the order of their names."""
        return {state.instrument: state.measurer for state in sorted(self._in(partition))}

    def _in(self, partition: int) -> Iterator[InstrumentState]:
        return (state for state in self._states.values() if state.partition == partition)
