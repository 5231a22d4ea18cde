"""How far a book is known: a snapshot ends at its limit, and beyond it nothing is known but what was told since.

Owns the rule by which a side of a snapshot counts as cut off. The band of a side is all prices at or better than the last
level of its snapshot: inside, the book knows every level; outside, it knows those that differences named, and there may
be others. ``orderbook.book`` keeps the bands, as keys.
"""

from __future__ import annotations

from typing import Final

from orderbook.events import Side

SNAPSHOT_LIMITS: Final = frozenset({20, 50, 100, 500, 1_000, 5_000})
"""Numbers of levels that Binance's REST books can be asked for, but for those that no full book is seeded with."""

_SHORT_LIMITS: Final = frozenset({5, 10})


def is_cut_off(levels: Side, depth_levels: int) -> bool:
    """Whether a snapshot's side was cut off at the limit that was asked for.

    A side with any other number of levels came whole: there are no more. One with fewer than ``depth_levels`` counts as
    whole too: whoever asked for so few wanted to measure no more.
    """
    return len(levels) >= depth_levels and len(levels) in SNAPSHOT_LIMITS


def may_be_cut_off(levels: Side) -> bool:
    """Whether a snapshot's side may have been cut off at any limit: an audit then leaves alone what lies beyond."""
    return len(levels) in SNAPSHOT_LIMITS or len(levels) in _SHORT_LIMITS
