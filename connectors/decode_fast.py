"""Depth messages of a poll decoded in columns, and quotes by a pattern: the quick path.

Owns the choice of the messages that it can decode. It never makes a fault: a message that is not in the exchange's
compact spelling, or fails any check, is dropped on the way and left to ``connectors.decode_plain``; on all the rest both
must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from connectors.decode_cut import cut
from connectors.decode_group import Floats, PartialRows, Poll
from connectors.decode_heads import Rows, read_heads, read_numbers
from connectors.decode_plain import Rules, read_receive_time
from connectors.decode_quotes import decode_quotes
from connectors.decode_skeleton import Levels, count_levels, parse_levels
from connectors.raw import RawBatch
from connectors.streams import Kind
from orderbook.events import Diff

CHUNK: Final = 200
"""Messages at a time: about 200 kB, which stay in the processor's cache from the first look to the last (2000 at a
time take half as long again)."""

_BIG: Final = 1e144
"""With price and quantity up to here their product is within MAX_AMOUNT; what is bigger, the plain path judges."""


def decode_fast(raw: RawBatch, poll: Poll, rules: Rules) -> list[int]:
    """Decode what can be decoded in columns into ``poll``; returns the indexes of all the other messages, rising."""
    for start in range(0, len(raw), CHUNK):
        span = range(start, min(start + CHUNK, len(raw)))
        for heads in cut(raw.values, span, rules.max_message_bytes):
            for kind, rows in read_heads(raw, heads, rules):
                for good, levels in _with_levels(rows, rules.max_levels, ordered=kind is not Kind.DIFF):
                    if kind is Kind.DIFF:
                        _add_diffs(raw, poll, good, levels)
                    else:
                        _add_books(raw, poll, kind, good, _block(levels, rules.depth_levels))
        decode_quotes(raw, poll, span, rules)
    return [index for index, slot in enumerate(poll.slots) if slot < 0]


def _with_levels(rows: Rows, max_levels: int, *, ordered: bool) -> Iterator[tuple[Rows, Levels]]:
    """Rows and their levels, in as few pieces as can be; rows whose levels are not perfect are dropped."""
    counts = count_levels(rows.pieces)
    fits = {count: count is not None and max(count) <= max_levels for count in set(counts)}
    if not all(fits.values()):
        rows = rows.only(fits[count] for count in counts)
        if rows.indexes:
            yield from _with_levels(rows, max_levels, ordered=ordered)
        return
    levels = parse_levels(rows.pieces, [count for count in counts if count is not None])
    if levels is not None:
        good = _find_good(levels, ordered=ordered)
        if good is None:
            yield rows, levels
        elif any(good):
            yield rows.only(good), levels.only(good)
    elif len(counts) > 1:  # one of them spoils all: halve until it stands alone
        for half in (rows.part(0, len(counts) // 2), rows.part(len(counts) // 2, len(counts))):
            yield from _with_levels(half, max_levels, ordered=ordered)


def _find_good(levels: Levels, *, ordered: bool) -> list[bool] | None:
    """Which messages have good levels; None when all have. A zero quantity in a book is left to the plain path."""
    numbers, sides = levels.numbers, levels.counts.ravel()
    prices, quantities = numbers[0::2], numbers[1::2]
    ends = sides.cumsum()
    fine = (prices > 0.0) & (prices <= _BIG) & (quantities <= _BIG)
    if ordered:
        fine &= quantities > 0.0
        rises = prices * np.repeat(np.tile((-1.0, 1.0), len(levels.counts)), sides)
        follows = rises[1:] > rises[:-1]
        # The first level of a side follows nothing.
        follows[ends[(ends > 0) & (ends < len(prices))] - 1] = True
        fine[1:] &= follows
    if fine.all():
        return None
    good = np.ones(len(levels.counts), dtype=bool)
    good[np.searchsorted(ends, np.flatnonzero(~fine), side="right") // 2] = False
    return good.tolist()


def _block(levels: Levels, depth_levels: int) -> Floats:
    """Levels as a block of shape (n, 2, w, 2), zero where there are none."""
    count, widest = len(levels.counts), int(levels.counts.max())
    width = max(1, min(widest, depth_levels))
    if widest and (levels.counts == widest).all():
        return levels.numbers.reshape(count, 2, widest, 2)[:, :, :width]
    sides = levels.counts.ravel()
    place = np.arange(sides.sum()) - np.repeat(sides.cumsum() - sides, sides)
    kept = place < width
    block = np.zeros((count * 2, width, 2))
    block[np.repeat(np.arange(count * 2), sides)[kept], place[kept]] = levels.numbers.reshape(-1, 2)[kept]
    return block.reshape(count, 2, width, 2)


def _add_books(raw: RawBatch, poll: Poll, kind: Kind, rows: Rows, block: Floats) -> None:
    """Partial books into the poll, in columns."""
    _add_slots(raw, poll, rows)
    columns: tuple[list[Any], ...] = (*_read_places(raw, rows), *read_numbers(kind, rows))
    poll.rows.append(PartialRows(rows.indexes, columns, block))


def _add_diffs(raw: RawBatch, poll: Poll, rows: Rows, levels: Levels) -> None:
    """Differences into the poll, as events."""
    _add_slots(raw, poll, rows)
    numbers = iter(levels.numbers.tolist())
    pairs = list(zip(numbers, numbers, strict=True))
    starts = [0, *levels.counts.cumsum().tolist()]
    bids = [pairs[start:stop] for start, stop in zip(starts[0:-1:2], starts[1::2], strict=True)]
    asks = [pairs[start:stop] for start, stop in zip(starts[1::2], starts[2::2], strict=True)]
    columns = zip(*_read_places(raw, rows), *read_numbers(Kind.DIFF, rows), bids, asks, strict=True)
    for index, diff in zip(rows.indexes, map(Diff._make, columns), strict=True):
        poll.events[index] = diff


def _read_places(raw: RawBatch, rows: Rows) -> tuple[list[int], list[int], list[int | None]]:
    """Columns of offsets, Kafka timestamps (ms) and receive times (ns)."""
    timestamps = [raw.timestamps_ms[index] for index in rows.indexes]
    recvs: list[Any] = rows.recvs
    received: list[int | None] = list(
        map(int, recvs) if None not in recvs else map(read_receive_time, recvs, timestamps)
    )
    return [raw.offsets[index] for index in rows.indexes], timestamps, received


def _add_slots(raw: RawBatch, poll: Poll, rows: Rows) -> None:
    partitions, slots, groups = raw.partitions, poll.slots, poll.groups
    for index, named in zip(rows.indexes, rows.named, strict=True):
        slots[index] = groups.setdefault((named.instrument, partitions[index]), len(groups))
