"""Depth messages of a poll decoded in columns: the quick path.

Owns the choice of the messages that it can decode. It never makes a fault: a message that is not in the exchange's
compact spelling, or fails any check, is dropped here and left to ``connectors.decode_plain``; on all the rest both must
agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import gt
from typing import Any, Final, TypeAlias

import numpy as np

from connectors.decode_cut import cut
from connectors.decode_group import Floats, PartialRows, Poll
from connectors.decode_plain import (
    FUTURES,
    SPOT,
    Payload,
    Rules,
    bare_kind,
    payload_name,
    read_headers,
    read_receive_time,
)
from connectors.decode_skeleton import Levels, count_levels, parse_levels
from connectors.names import Named, Told
from connectors.numbers import MAX_AMOUNT, MAX_ID, MalformedError
from connectors.raw import RawBatch
from connectors.streams import Kind
from orderbook.events import Diff

CHUNK: Final = 200
"""Messages at a time: about 200 kB, which stay in the processor's cache from the first look to the last (2000 at a
time take half as long again)."""

_TOO_BIG: Final = MAX_AMOUNT**0.5
"""With price and quantity up to here their product is within MAX_AMOUNT; what is bigger, the plain path judges."""

_NUMBERS: Final = frozenset({int, type(None)})

_LAST_TIME: Final = b"%d" % MAX_ID


Row: TypeAlias = tuple[Any, ...]
"""A message that was cut: index in the poll, instrument, receive time (the header's text, then ns), text of the levels,
then the integers of its event: E, T, u (a book), or E, T, u, U, pu (a difference). Plain tuples and no objects with
names: there is one for each message."""

_FIXED: Final = 4
"""Where a row's integers begin."""


def decode_fast(raw: RawBatch, poll: Poll, rules: Rules) -> list[int]:
    """Decode what can be decoded in columns into ``poll``; returns the indexes of all the other messages, rising."""
    for start in range(0, len(raw), CHUNK):
        books, diffs = _read_heads(raw, range(start, min(start + CHUNK, len(raw))), rules)
        for rows, levels in _with_levels(_check(books), rules.max_levels, ordered=True):
            _add_books(raw, poll, rows, levels, rules.depth_levels)
        for rows, levels in _with_levels(_check(diffs), rules.max_levels, ordered=False):
            _add_diffs(raw, poll, rows, levels)
    return [index for index, slot in enumerate(poll.slots) if slot < 0]


def _read_heads(raw: RawBatch, span: range, rules: Rules) -> tuple[list[Row], list[Row]]:
    """(books, differences) among the messages of ``span``, with nothing checked but who they speak of."""
    books: list[Row] = []
    diffs: list[Row] = []
    known = rules.names.known
    for index in span:
        value = raw.values[index]
        parts = None if value is None or len(value) > rules.max_message_bytes else cut(value)
        if parts is None:
            continue
        envelope, payload, piece = parts
        get = payload.get
        headers = raw.headers[index]
        # Nearly all messages carry this one header, or none.
        quick = headers and len(headers) == 1 and headers[0][0] == "recv_ns"
        stream, recv = (None, headers[0][1]) if headers and quick else read_headers(headers)
        key = raw.keys[index]
        try:
            named = known.get((key, envelope, stream, get("s"), get("symbol")))
        except TypeError:  # a list or an object can't be looked up
            continue
        if named is None or named.kind is None:
            named = _name(Told(key, envelope, stream, get("s"), get("symbol")), payload, piece, rules)
            if named is None:
                continue
        instrument, venue, kind = named
        if kind is Kind.PARTIAL:
            last, update_id = get("lastUpdateId"), get("u")
            if last is not None or update_id is not None:
                update_id = update_id if last is None else last
                books.append((index, instrument, recv, piece, get("E"), get("T"), update_id))
        elif kind is Kind.NORMALISED:
            books.append((index, instrument, recv, piece, get("ts_ms"), None, None))
        elif kind is Kind.DIFF:
            update_id, first_id, previous_id = get("u"), get("U"), None if venue == SPOT else get("pu")
            if update_id is not None and first_id is not None and (previous_id is not None or venue not in FUTURES):
                diffs.append((index, instrument, recv, piece, get("E"), get("T"), update_id, first_id, previous_id))
    return books, diffs


def _name(told: Told, payload: Payload, piece: bytes, rules: Rules) -> Named | None:
    """The identity by the book, with its kind; None for what will be a fault."""
    # The kind of a bare message depends on which sides it has, which were cut out.
    sides = {"bids": None, "asks": None} if piece.startswith(b'"bids"') else {"b": None, "a": None}
    try:
        payload_name(payload, "s")
        payload_name(payload, "symbol")
        named = rules.names.resolve(told)
        return named if named.kind else named._replace(kind=bare_kind(payload | sides, rules.bare_depth))
    except MalformedError:
        return None


def _check(rows: list[Row]) -> list[Row]:
    """The rows with good receive times and integers, of which ``U`` is not above ``u``."""
    if not rows:
        return rows
    columns = list(zip(*rows, strict=True))
    if not _are_times(columns[2]):
        return _check([row for row in rows if _are_times(row[2:3])])
    if not all(map(_are_ids, columns[_FIXED:])):
        return _check([row for row in rows if _are_ids(row[_FIXED:])])
    if len(columns) == _FIXED + 5 and any(map(gt, columns[-2], columns[-3])):
        return [row for row in rows if row[-2] <= row[-3]]
    return rows


def _are_times(recvs: Sequence[bytes | None]) -> bool:
    """Whether all are None or decimal text below 2^63; may say no when lengths differ, never for one alone."""
    texts: Any = [recv for recv in recvs if recv is not None] if None in recvs else recvs
    return not texts or (
        all(map(bytes.isdigit, texts))
        and len(longest := max(texts, key=len)) <= 19
        and (len(longest) < 19 or max(texts) <= _LAST_TIME)
    )


def _are_ids(values: Sequence[object]) -> bool:
    """Whether all are None or integers in [0, 2^63)."""
    kinds = set(map(type, values))
    if not kinds <= _NUMBERS:
        return False
    ids: Any = values if type(None) not in kinds else [value for value in values if value is not None]
    return not ids or (min(ids) >= 0 and max(ids) <= MAX_ID)


def _with_levels(rows: list[Row], max_levels: int, *, ordered: bool) -> Iterator[tuple[list[Row], Levels]]:
    """Rows and their levels, in as few pieces as can be; rows whose levels are not perfect are dropped."""
    if not rows:
        return
    pieces = [row[3] for row in rows]
    counts = count_levels(pieces)
    fits = {count: count is not None and max(count) <= max_levels for count in set(counts)}
    if not all(fits.values()):
        rows = [row for row, count in zip(rows, counts, strict=True) if fits[count]]
        yield from _with_levels(rows, max_levels, ordered=ordered)
        return
    levels = parse_levels(pieces, [count for count in counts if count is not None])
    if levels is not None:
        good = _find_good(levels, ordered=ordered)
        if good is None:
            yield rows, levels
        else:
            yield from _with_levels(list(compress(rows, good)), max_levels, ordered=ordered)
    elif len(rows) > 1:  # one of them spoils all: halve until it stands alone
        half = len(rows) // 2
        yield from _with_levels(rows[:half], max_levels, ordered=ordered)
        yield from _with_levels(rows[half:], max_levels, ordered=ordered)


def _find_good(levels: Levels, *, ordered: bool) -> list[bool] | None:
    """Which messages have good levels; None when all have. A zero quantity in a book is left to the plain path."""
    numbers, sides = levels.numbers, levels.counts.ravel()
    prices, quantities = numbers[0::2], numbers[1::2]
    ends = sides.cumsum()
    fine = (prices > 0.0) & (prices <= _TOO_BIG) & (quantities <= _TOO_BIG)
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


def _add_books(raw: RawBatch, poll: Poll, rows: list[Row], levels: Levels, depth_levels: int) -> None:
    """Partial books into the poll: their columns, and the first ``depth_levels`` levels of each side."""
    indexes, instruments, recvs, _, *numbers = map(list, zip(*rows, strict=True))
    timestamps = [raw.timestamps_ms[index] for index in indexes]
    received = list(map(int, recvs)) if None not in recvs else list(map(read_receive_time, recvs, timestamps))
    columns = ([raw.offsets[index] for index in indexes], timestamps, received, *numbers)
    poll.rows.append(PartialRows(indexes, columns, _block(levels, depth_levels)))
    for index, instrument in zip(indexes, instruments, strict=True):
        poll.slots[index] = poll.slot(instrument, raw.partitions[index])


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


def _add_diffs(raw: RawBatch, poll: Poll, rows: list[Row], levels: Levels) -> None:
    """Differences into the poll as events."""
    numbers = iter(levels.numbers.tolist())
    pairs = list(zip(numbers, numbers, strict=True))
    start = 0
    for row, (bids, asks) in zip(rows, levels.counts.tolist(), strict=True):
        index, instrument, recv, _, event_time, transaction_time, update_id, first_id, previous_id = row
        middle, end = start + bids, start + bids + asks
        timestamp = raw.timestamps_ms[index]
        poll.slots[index] = poll.slot(instrument, raw.partitions[index])
        poll.events[index] = Diff(
            raw.offsets[index],
            timestamp,
            read_receive_time(recv, timestamp),
            event_time,
            transaction_time,
            update_id,
            first_id,
            previous_id,
            pairs[start:middle],
            pairs[middle:end],
        )
        start = end
