"""When the levels of a full book are written down as a whole, in the place of what changed since the last time.

An instrument's state is written with its bucket in each epoch in which that was told anything; the thousands of levels of a full
book are not (``orderbook.base``). They are the state of a key of their own in the same step, which is told something only when they
shall be written: Bytewax writes what was awake. Owns that key's name and the decision.

Rule 1: levels are written when what states have said since of what changed is as much, so that about the least is
        written, however busy a book is. By the name, it is half as much up to twice, so that books take turns. What a state
        says anyway (it is as long as the first one behind the levels) does not count: levels would not make it shorter.
Rule 2: both keys must be of one process. Where a graph may run on several workers, states are written whole.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from zlib import crc32

LEAST_BYTES: Final = 8_192
"""Smaller states are written as a whole."""

_PREFIX: Final = "levels "
"""Behind the keys of buckets (``dataflows.buckets``), in the order in which Bytewax asks for states."""


class Rebase(NamedTuple):
    """In the place of a group: the levels of this instrument's book are due."""

    instrument: str


def levels_key(instrument: str) -> str:
    """Key of the levels."""
    return _PREFIX + instrument


class _Base:
    """A base, and what states have said since of what changed."""

    __slots__ = ("least", "levels", "said", "share")

    def __init__(self, instrument: str, levels: bytes) -> None:
        self.levels = levels
        self.share = (0.5 + 1.5 * crc32(instrument.encode()) / 2**32) * len(levels)  # bytes: so many may be said
        self.said = 0
        self.least: int | None = None  # bytes of the first state behind the base


class Bases:
    """The bases of a process's instruments, and which are due.

    Args:
        active: whether states may be relative to bases from now on; else bases are only read, of states as they were.
        least_bytes: smaller states are written as a whole.
    """

    def __init__(self, *, active: bool = True, least_bytes: int = LEAST_BYTES) -> None:
        self.active = active
        self._least_bytes = least_bytes
        self._due: set[str] = set()
        self._asked: set[str] = set()
        self._bases: dict[str, _Base] = {}

    @property
    def any_due(self) -> bool:
        """Whether any instrument's levels are due."""
        return bool(self._due)

    def due(self, instrument: str) -> bool:
        """Whether the instrument's levels shall be written in this epoch; told once."""
        if instrument not in self._due:
            return False
        self._due.discard(instrument)
        return True

    def ask(self, instrument: str) -> None:
        """The levels will be asked for at the end of this epoch, after the instrument's state."""
        self._asked.add(instrument)

    def asked(self, instrument: str) -> bool:
        """Whether they will; told once."""
        if instrument not in self._asked:
            return False
        self._asked.discard(instrument)
        return True

    def put(self, instrument: str, base: bytes) -> None:
        """Take a base."""
        self._bases[instrument] = _Base(instrument, base)

    def has(self, instrument: str) -> bool:
        """Whether a base of the instrument was written by this process or the one before."""
        return instrument in self._bases

    def get(self, instrument: str) -> bytes:
        """The newest base; b"" where there is none."""
        base = self._bases.get(instrument)
        return base.levels if base is not None else b""

    def wrote(self, instrument: str, size: int, *, relative: bool) -> None:
        """A state of so many bytes is written, relative to the base or whole; the levels may be due now."""
        if relative:
            base = self._bases[instrument]
            if base.least is None:
                base.least = size
            base.said += size - base.least
            # After restarts, the first state may have much that changed.
            if base.said > base.share or size > len(base.levels):
                self._due.add(instrument)
        elif size >= self._least_bytes:
            self._due.add(instrument)
