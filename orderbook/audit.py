"""A full book held against a later snapshot, and repaired where they differ: evidence, and the cure for rot.

A snapshot tells the book at its id L, the book stands at a later id B. Owns the ids of the last differences, by which the
snapshot is brought forward from L to B: what those with ``u`` > L told (``orderbook.told``) is applied to it. That is exact within the snapshot's band, also
where L lies inside a difference (U <= L < u): quantities are absolute, so the levels that the difference names have in B,
or at ``u``, what it says, whatever L had; and those that it does not name did not change between L and ``u``, since a
difference names every level that did.

Rule 1: a snapshot that is older than the differences kept (or than the seed) can't be brought forward: no audit.
Rule 2: only what both claim to know is compared: prices in the bands of both.
Rule 3: within the snapshot's band the book becomes what the snapshot says; the deeper of the two bands is the book's from
        then on. ``orderbook.book`` does both, side by side.
"""

from __future__ import annotations

from array import array
from typing import Final, NamedTuple

from orderbook.band import may_be_cut_off
from orderbook.book import Book
from orderbook.codec import Reader, Writer
from orderbook.events import Diff, Side, Snapshot
from orderbook.told import Entries, Told, read_told

MAX_RECENT: Final = 64
"""Differences kept: 3 s of a futures stream, 6 s of a spot stream; a REST answer is rarely older."""

MAX_RECENT_LEVELS: Final = 4_000
"""Levels of the differences kept, but for the newest one, which always is: a state is written each second."""


class BookAudit(NamedTuple):
    """What one audit found.

    ``compared`` counts the prices where either has a level and both know, ``equal`` those with equal quantities;
    ``changed`` tells whether the book has changed at all, also where it did not know before.
    """

    compared: int
    equal: int
    changed: bool

    @property
    def match_pct(self) -> float:
        """100 * equal / compared, 0 .. 100; 100 where there was nothing to compare."""
        return 100.0 * self.equal / self.compared if self.compared else 100.0


class BookAuditor:
    """The last differences of one book, and the audits since they were last taken (these are no part of a state).

    Attributes:
        told: What the last differences told, and earlier ones; their numbers end with that of the newest.
    """

    __slots__ = ("_audits", "_counts", "_ids", "_levels", "_since", "told")

    def __init__(self) -> None:
        self._since = 0  # the book's id before the first difference of _ids
        self._ids = array("q")  # not objects of their own: these are written with each state
        self._counts = array("q")  # of their levels
        self._levels = 0  # of all of them
        self._audits: list[BookAudit] = []
        self.told = Told()

    @property
    def oldest(self) -> int:
        """Number of the oldest difference by which a snapshot is brought forward."""
        return self.told.number - len(self._ids) + 1

    def begin(self, update_id: int) -> None:
        """A book begins at this id."""
        self._since = update_id
        del self._ids[:], self._counts[:]
        self._levels = 0
        self.told.clear()

    def applied(self, diff: Diff) -> bool:
        """The book has taken this difference; whether so much was told that older things should be forgotten."""
        ids, count = self._ids, len(diff.bids) + len(diff.asks)
        ids.append(diff.update_id)
        self._counts.append(count)
        self._levels += count
        while len(ids) > MAX_RECENT or (self._levels > MAX_RECENT_LEVELS and len(ids) > 1):
            self._since = ids.pop(0)
            self._levels -= self._counts.pop(0)
        return self.told.take(diff)

    def audit(self, book: Book, snapshot: Snapshot) -> BookAudit | None:
        """Compare and repair the book, which is not older than ``snapshot``; None where it can't be compared."""
        if snapshot.update_id < self._since:
            return None
        newer = sum(update_id > snapshot.update_id for update_id in self._ids)
        first = self.told.number - newer + 1
        of_bids = book.bids.reconcile(dict(snapshot.bids) | self.told.bids.since(first), _worst(snapshot.bids))
        of_asks = book.asks.reconcile(dict(snapshot.asks) | self.told.asks.since(first), _worst(snapshot.asks))
        audit = BookAudit(of_bids[0] + of_asks[0], of_bids[1] + of_asks[1], of_bids[2] or of_asks[2])
        self._audits.append(audit)
        return audit

    def take(self) -> list[BookAudit]:
        """The audits since the last time."""
        taken, self._audits = self._audits, []
        return taken

    def write(self, out: Writer, number: int) -> None:
        """Append to a state, with what was told by the difference ``number`` and later ones."""
        out.put_int(self._since)
        out.put_integers(self._ids)
        out.put_integers(self._counts)
        self.told.write(out, self.oldest, number)

    def read(self, state: Reader) -> tuple[Entries, Entries]:
        """Become what ``write`` wrote, but for what was told, which is to be filled in.

        The oldest difference has the number 1 now, older ones 0.
        """
        self._since = state.take_int()
        self._ids.extend(state.take_integers())
        self._counts.extend(state.take_integers())
        self._levels = sum(self._counts)
        self.told.number = len(self._ids)
        return read_told(state)


def _worst(side: Side) -> float | None:
    """The price where a snapshot's knowledge of this side may end: its last level's; None: it does not end."""
    return side[-1][0] if may_be_cut_off(side) else None
