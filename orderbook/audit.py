"""A full book held against a later snapshot, and repaired where they differ: evidence, and the cure for rot.

A snapshot tells the book at its id L, the book stands at a later id B. Owns the last differences, by which the snapshot is
brought forward from L to B: all of them with ``u`` > L are applied to it. That is exact within the snapshot's band, also
where L lies inside a difference (U <= L < u): quantities are absolute, so the levels that the difference names have in B,
or at ``u``, what it says, whatever L had; and those that it does not name did not change between L and ``u``, since a
difference names every level that did.

Rule 1: a snapshot that is older than the differences kept (or than the seed) can't be brought forward: no audit.
Rule 2: only what both claim to know is compared: prices in the bands of both.
Rule 3: within the snapshot's band the book becomes what the snapshot says; the deeper of the two bands is the book's from
        then on. ``orderbook.book`` does both, side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from orderbook import diff_state
from orderbook.band import may_be_cut_off
from orderbook.book import Book
from orderbook.codec import Reader, Writer
from orderbook.events import Diff, Side, Snapshot

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
    """The last differences of one book, and the audits since they were last taken (these are no part of a state)."""

    __slots__ = ("_audits", "_levels", "_recent", "_since")

    def __init__(self) -> None:
        self._since = 0  # the book's id before the first difference of _recent
        self._recent: deque[Diff] = deque()
        self._levels = 0  # of all in _recent
        self._audits: list[BookAudit] = []

    def begin(self, update_id: int) -> None:
        """A book begins at this id."""
        self._since = update_id
        self._recent.clear()
        self._levels = 0

    def applied(self, diff: Diff) -> None:
        """The book has taken this difference."""
        recent = self._recent
        recent.append(diff)
        self._levels += len(diff.bids) + len(diff.asks)
        while len(recent) > MAX_RECENT or (self._levels > MAX_RECENT_LEVELS and len(recent) > 1):
            oldest = recent.popleft()
            self._since = oldest.update_id
            self._levels -= len(oldest.bids) + len(oldest.asks)

    def audit(self, book: Book, snapshot: Snapshot) -> BookAudit | None:
        """Compare and repair the book, which is not older than ``snapshot``; None where it can't be compared."""
        if snapshot.update_id < self._since:
            return None
        newer = [diff for diff in self._recent if diff.update_id > snapshot.update_id]
        bids = _brought_forward(snapshot.bids, (diff.bids for diff in newer))
        asks = _brought_forward(snapshot.asks, (diff.asks for diff in newer))
        of_bids = book.bids.reconcile(bids, _worst(snapshot.bids))
        of_asks = book.asks.reconcile(asks, _worst(snapshot.asks))
        audit = BookAudit(of_bids[0] + of_asks[0], of_bids[1] + of_asks[1], of_bids[2] or of_asks[2])
        self._audits.append(audit)
        return audit

    def take(self) -> list[BookAudit]:
        """The audits since the last time."""
        taken, self._audits = self._audits, []
        return taken

    def write(self, out: Writer) -> None:
        """Append the differences to a state."""
        out.put_int(self._since)
        diff_state.write_diffs(out, self._recent)

    def read(self, state: Reader) -> None:
        """Become what ``write`` wrote."""
        self._since = state.take_int()
        self._recent.extend(diff_state.read_diffs(state))
        self._levels = sum(len(diff.bids) + len(diff.asks) for diff in self._recent)


def _brought_forward(side: Side, changes: Iterable[Side]) -> dict[float, float]:
    """A snapshot's side after the changes; 0.0 where a level is gone."""
    levels = dict(side)
    for change in changes:
        levels.update(change)
    return levels


def _worst(side: Side) -> float | None:
    """The price where a snapshot's knowledge of this side may end: its last level's; None: it does not end."""
    return side[-1][0] if may_be_cut_off(side) else None
