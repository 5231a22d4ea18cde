"""Depth messages without their levels: who they speak of, when they came, and the integers of their events.

Owns the column form of the rules in ``connectors.decode_plain``. A rule is first asked of a whole column, which costs
next to nothing; only when that fails, of each message, by the plain path's own functions, and the bad ones are dropped:
the plain path will say what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import le
from typing import Any, Final

from connectors.columns import Table
from connectors.decode_cut import Heads
from connectors.decode_plain import (
    FUTURES,
    SPOT,
    Payload,
    Rules,
    bare_kind,
    payload_name,
    read_book_ids,
    read_diff_ids,
    read_headers,
    read_receive_time,
)
from connectors.names import Named, Told
from connectors.numbers import MAX_ID, MalformedError
from connectors.raw import RawBatch
from connectors.streams import Kind

_TEXTS: Final = frozenset({str, type(None)})
_INTEGERS: Final[frozenset[type]] = frozenset({int})
_NUMBERS: Final[frozenset[type]] = frozenset({int, type(None)})
_LAST_TIME: Final = b"%d" % MAX_ID


@dataclass(slots=True)
class Rows(Table):
    """Messages column by column.

    Attributes:
        indexes: In the poll.
        named: Their identities, with the kind.
        recvs: Header ``recv_ns`` as it came, None without one.
        payloads: Their fields without the levels.
        pieces: The text of the levels.
    """

    indexes: list[int]
    named: list[Named]
    recvs: list[bytes | None]
    payloads: list[Payload]
    pieces: list[bytes]


def read_heads(raw: RawBatch, heads: Heads, rules: Rules) -> Iterator[tuple[Kind, Rows]]:
    """The messages that are good but for their levels, kind by kind."""
    rows = _name(raw, heads, rules)
    kinds = [named.kind for named in rows.named]
    for kind in (Kind.PARTIAL, Kind.DIFF, Kind.NORMALISED):
        if kind not in kinds:
            continue
        own = rows if kinds.count(kind) == len(kinds) else rows.only(each is kind for each in kinds)
        if not _are_times(own.recvs):
            own = own.only(_passes(read_receive_time, recv, 0) for recv in own.recvs)
        if not _are_good(kind, own):
            pairs = zip(own.payloads, own.named, strict=True)
            if kind is Kind.DIFF:
                own = own.only(_passes(read_diff_ids, payload, named.venue) for payload, named in pairs)
            else:
                own = own.only(_passes(read_book_ids, payload, kind) for payload, _ in pairs)
        if own.indexes:
            yield kind, own


def read_numbers(kind: Kind, rows: Rows) -> list[list[Any]]:
    """Columns of integers: event time ms, transaction time ms, update id; of differences also first and previous id."""
    if kind is Kind.NORMALISED:
        nothing = [None] * len(rows.indexes)
        return [_column(rows, "ts_ms"), nothing, nothing]
    numbers = [_column(rows, "E"), _column(rows, "T"), _column(rows, "u")]
    if kind is Kind.DIFF:
        previous = _column(rows, "pu")
        if any(named.venue == SPOT for named in rows.named):
            previous = [None if n.venue == SPOT else own for n, own in zip(rows.named, previous, strict=True)]
        return [*numbers, _column(rows, "U"), previous]
    last = _column(rows, "lastUpdateId")
    if any(each is not None for each in last):
        numbers[2] = [u if each is None else each for each, u in zip(last, numbers[2], strict=True)]
    return numbers


def _column(rows: Rows, name: str) -> list[Any]:
    return list(map(dict.get, rows.payloads, repeat(name)))


def _name(raw: RawBatch, heads: Heads, rules: Rules) -> Rows:
    """The messages whose identity and kind are known."""
    if not all(set(map(type, map(dict.get, heads.payloads, repeat(name)))) <= _TEXTS for name in ("s", "symbol")):
        heads = heads.only(_passes(_read_symbols, payload) for payload in heads.payloads)
    headers = [
        # Nearly all messages carry this one, or none.
        (None, own[0][1]) if own and len(own) == 1 and own[0][0] == "recv_ns" else read_headers(own)
        for own in [raw.headers[index] for index in heads.indexes]
    ]
    payloads = heads.payloads
    told = list(
        zip(
            [raw.keys[index] for index in heads.indexes],
            heads.envelopes,
            [stream for stream, _ in headers],
            map(dict.get, payloads, repeat("s")),
            map(dict.get, payloads, repeat("symbol")),
            strict=True,
        )
    )
    known = list(map(rules.names.known.get, told))
    named: list[Any] = known
    if not all(known) or not all(name.kind for name in known if name):
        each = zip(known, told, payloads, heads.pieces, strict=True)
        named = [
            name if name and name.kind else _resolve(Told(*tells), payload, piece, rules)
            for name, tells, payload, piece in each
        ]
    rows = Rows(heads.indexes, named, [recv for _, recv in headers], payloads, heads.pieces)
    return rows if all(named) else rows.only(named)


def _read_symbols(payload: Payload) -> None:
    payload_name(payload, "s")
    payload_name(payload, "symbol")


def _resolve(told: Told, payload: Payload, piece: bytes, rules: Rules) -> Named | None:
    """An identity by the book, with its kind; None for what will be a fault."""
    # The kind of a bare message depends on which sides it has, and they were cut out.
    sides = {"bids": None, "asks": None} if piece.startswith(b'"bids"') else {"b": None, "a": None}
    try:
        _read_symbols(payload)
        named = rules.names.resolve(told)
        return named if named.kind else named._replace(kind=bare_kind(payload | sides, rules.bare_depth))
    except MalformedError:
        return None


def _passes(read: Callable[..., object], *arguments: object) -> bool:
    """Whether a function of the plain path takes these arguments."""
    try:
        read(*arguments)
    except MalformedError:
        return False
    return True


def _are_times(recvs: Sequence[bytes | None]) -> bool:
    """Whether all are None or decimal text below 2^63; may say no to good ones whose lengths differ."""
    texts: Any = [recv for recv in recvs if recv is not None] if None in recvs else recvs
    return not texts or (all(map(bytes.isdigit, texts)) and max(map(len, texts)) <= 19 and max(texts) <= _LAST_TIME)


def _are_good(kind: Kind, rows: Rows) -> bool:
    """Whether ``read_numbers`` gives what the plain path would accept."""
    numbers = read_numbers(kind, rows)
    if kind is Kind.NORMALISED:
        return _are_ids(numbers[0], _NUMBERS)
    good = _are_ids(numbers[0], _NUMBERS) and _are_ids(numbers[1], _NUMBERS) and _are_ids(numbers[2], _INTEGERS)
    if kind is Kind.PARTIAL or not good:
        return good
    update_ids, first_ids, previous_ids = numbers[2:]
    chained = all(named.venue in FUTURES for named in rows.named)
    if not chained and any(named.venue in FUTURES for named in rows.named):
        return False  # a mixture: each by the rule of its venue
    return (
        _are_ids(first_ids, _INTEGERS)
        and _are_ids(previous_ids, _INTEGERS if chained else _NUMBERS)
        and all(map(le, first_ids, update_ids))
    )


def _are_ids(values: list[Any], kinds: frozenset[type]) -> bool:
    """Whether all are of ``kinds``, and the integers in [0, 2^63)."""
    found = set(map(type, values))
    ids = values if type(None) not in found else [value for value in values if value is not None]
    return found <= kinds and (not ids or (min(ids) >= 0 and max(ids) <= MAX_ID))
