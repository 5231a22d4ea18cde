"""Snapshots and waiting differences inside a state: how they are written and read back."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from orderbook.codec import Reader, Writer
from orderbook.events import Diff, Side, Snapshot


def _write_side(out: Writer, side: Side) -> None:
    out.put_floats(chain.from_iterable(side))


def _read_side(state: Reader) -> Side:
    flat = iter(state.take_floats())
    return list(zip(flat, flat, strict=True))


def write_snapshot(out: Writer, snapshot: Snapshot | None) -> None:
    """Append a snapshot, or its absence."""
    if snapshot is None:
        out.put_int(None)
        return
    out.put_int(snapshot.update_id, snapshot.offset)
    _write_side(out, snapshot.bids)
    _write_side(out, snapshot.asks)


def read_snapshot(state: Reader) -> Snapshot | None:
    """The snapshot that ``write_snapshot`` wrote."""
    update_id = state.take_optional_int()
    if update_id is None:
        return None
    return Snapshot(state.take_int(), update_id, _read_side(state), _read_side(state))


def write_diffs(out: Writer, diffs: Collection[Diff]) -> None:
    """Append waiting differences: what the book needs of them (their records have been written already)."""
    out.put_int(len(diffs))
    for diff in diffs:
        out.put_int(diff.update_id, diff.first_id, diff.previous_id)
        _write_side(out, diff.bids)
        _write_side(out, diff.asks)


def read_diffs(state: Reader) -> list[Diff]:
    """The differences that ``write_diffs`` wrote."""
    return [_read_diff(state) for _ in range(state.take_int())]


def _read_diff(state: Reader) -> Diff:
    update_id, first_id, previous_id = state.take_int(), state.take_int(), state.take_optional_int()
    return Diff(0, 0, None, None, None, update_id, first_id, previous_id, _read_side(state), _read_side(state))
