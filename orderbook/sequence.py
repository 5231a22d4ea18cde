"""Which difference follows which: Binance's rules for rebuilding a full book, as pure functions.

Two rule sets (docs/metrics.md, Full books):

========  ==========================  =============================  ====================
rules     old against a snapshot L    joins the snapshot L           follows the id ``last``
========  ==========================  =============================  ====================
spot      u <= L                      U <= L + 1                     U <= last + 1
futures   u < L                       U <= L, or pu == L             pu == last
========  ==========================  =============================  ====================

The futures rules hold where a difference carries ``previous_id``; spot counts without gaps and needs none.
Source: Binance, "How to manage a local order book correctly", spot and USD-M documentation.
"""

from __future__ import annotations

from orderbook.events import Diff


def older_than_snapshot(diff: Diff, snapshot_id: int) -> bool:
    """Whether all of ``diff`` is in the snapshot already."""
    if diff.previous_id is None:
        return diff.update_id <= snapshot_id
    return diff.update_id < snapshot_id


def joins_snapshot(diff: Diff, snapshot_id: int) -> bool:
    """Whether ``diff``, which is not older, leaves nothing out between the snapshot and itself."""
    if diff.previous_id is None:
        return diff.first_id <= snapshot_id + 1
    return diff.first_id <= snapshot_id or diff.previous_id == snapshot_id


def follows(diff: Diff, last_id: int) -> bool:
    """Whether ``diff``, which is newer than ``last_id``, leaves nothing out between the two."""
    if diff.previous_id is None:
        return diff.first_id <= last_id + 1
    return diff.previous_id == last_id
