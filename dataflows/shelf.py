"""The newest states of all instruments of a process, as values: what a checkpoint is made of, and what a state began with.

Owns that the states on the shelf belong together. A step puts an instrument's state here when Bytewax asks for it, at an
epoch's end; between two epochs, when nothing is under way, the shelf is the state after exactly the messages read so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dataflows.bases import Bases


class InstrumentState(NamedTuple):
    """One instrument's memory as plain values: what Bytewax keeps, and what a checkpoint holds.

    ``relative``: to the base of its full book (``dataflows.bases``), which belongs behind ``measurer``. The state that
    something begins with is whole.
    """

    instrument: str
    partition: int
    measurer: bytes
    relative: bool = False


class Shelf:
    """States by instrument.

    Args:
        seed: what the state of this process's life began with (a checkpoint), for instruments that no recovery point knows.
        bases: of full books.
    """

    def __init__(self, seed: Iterable[InstrumentState] = (), bases: Bases | None = None) -> None:
        self._states = {state.instrument: state for state in seed}
        self.bases = bases if bases is not None else Bases(active=False)

    def put(self, state: InstrumentState) -> None:
        """Take the newest state of an instrument."""
        self._states[state.instrument] = state

    def get(self, instrument: str) -> InstrumentState | None:
        """What is known of an instrument; None for a new one."""
        return self._states.get(instrument)

    def whole(self, state: InstrumentState) -> bytes:
        """All of a measurer's state."""
        return state.measurer + self.bases.get(state.instrument) if state.relative else state.measurer

    def of_partition(self, partition: int) -> Mapping[str, bytes]:
        """The states of the instruments that live in ``partition``, in the order of their names."""
        return {state.instrument: self.whole(state) for state in sorted(self._in(partition))}

    def size_of(self, partition: int) -> int:
        """Bytes of these states."""
        bases = self.bases
        return sum(
            len(state.measurer) + len(bases.get(state.instrument) if state.relative else b"")
            for state in self._in(partition)
        )

    def _in(self, partition: int) -> Iterator[InstrumentState]:
        return (state for state in self._states.values() if state.partition == partition)
