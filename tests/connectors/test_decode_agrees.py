"""The fast paths and the plain one give the same answer to anything, however the input is cut into polls."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors import decode_fast
from connectors.decode import Decoder
from connectors.decode_plain import Item, Rules, decode_one
from connectors.decode_skeleton import count_levels, parse_levels
from connectors.decoded import Decoded
from connectors.raw import Fault, Headers, RawBatch
from orderbook.events import Event, Partial
from tests.connectors.decode_paths import WAYS, Way, groups_of
from tests.connectors.decode_paths import decoder as decoder_of
from tests.corpus import case as base
from tests.corpus.malformed import GOOD, MALFORMED, Case

Message = tuple[bytes | None, bytes | None, Headers | None]

SMALL = [case for case in (*MALFORMED, *GOOD) if len(case.value or b"") < 5_000]
BYTES = b'"[]{},:.0123456789-+eE \nbaidsksux\\\xff'
EXTRAS = (
    b'"x":1',
    b'"st":[]',
    b'"x":{"b":[["1","1"]],"a":[]}',
    b'"b":5',
    b'"a":[]',
    b'"bids":[]',
    b'"stream":"y"',
    b'"u":7',
    b'"\\u0062":[]',
)


def split(data: bytes) -> list[bytes]:
    """Tokens of a JSON text, joined again by b"".join."""
    tokens: list[bytes] = []
    inside = False
    for byte in data:
        mark = bytes([byte])
        if inside or (tokens and mark not in b'"[]{},:' and tokens[-1][-1:] not in b'"[]{},:'):
            tokens[-1] += mark
            inside = inside != (mark == b'"')
        else:
            tokens.append(mark)
            inside = mark == b'"'
    return tokens


def flip(value: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(value) + 1)
    return value[:at] + bytes([draw.choice(BYTES)]) + value[at + 1 :]


def insert(value: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(value) + 1)
    return value[:at] + bytes([draw.choice(BYTES)]) + value[at:]


def delete(value: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(value) + 1)
    return value[:at] + value[at + draw.choice((1, 1, 1, 2, 5)) :]


def drop_token(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    del tokens[draw.randrange(len(tokens) or 1) : draw.randrange(len(tokens) or 1) + 1]
    return b"".join(tokens)


def swap_tokens(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    first, second = draw.randrange(len(tokens)), draw.randrange(len(tokens))
    tokens[first], tokens[second] = tokens[second], tokens[first]
    return b"".join(tokens)


def repeat_token(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    tokens.insert(draw.randrange(len(tokens)), draw.choice(tokens))
    return b"".join(tokens)


def space(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    tokens.insert(draw.randrange(len(tokens) + 1), draw.choice((b" ", b"\n", b"\t\r", b"\x0b")))
    return b"".join(tokens)


def new_number(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    numbers = [at for at, token in enumerate(tokens) if token.strip(b'"')[:1].isdigit()]
    if numbers:
        tokens[draw.choice(numbers)] = draw.choice(
            (b'"0"', b'"0.0"', b"1", b"1.5", b'"-1"', b'"1e3"', b'"01"', b'""', b'"."', b'"1e144"', b'"9%b"' % (b"9" * 145),
             b"null", b"true", b'"100.45"', b'"100.5"', b"9223372036854775808", b'"36893488147419103233"', b"[]"),
        )  # fmt: skip
    return b"".join(tokens)


def add_field(value: bytes, draw: random.Random) -> bytes:
    tokens = split(value)
    places = [at + 1 for at, token in enumerate(tokens) if token in b"{,"] + [
        at for at, token in enumerate(tokens) if token == b"}"
    ]
    if places:
        at = draw.choice(places)
        extra = draw.choice(EXTRAS)
        tokens.insert(at, b"," + extra if at < len(tokens) and tokens[at] == b"}" else extra + b",")
    return b"".join(tokens)


def reorder(value: bytes, draw: random.Random) -> bytes:
    try:
        return orjson.dumps(shuffled(orjson.loads(value), draw))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return value  # no JSON, or deeper than can be written


def shuffled(value: object, draw: random.Random) -> object:
    if not isinstance(value, dict):
        return value
    fields = [(name, shuffled(field, draw)) for name, field in value.items()]
    draw.shuffle(fields)
    return dict(fields)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip, insert, delete, drop_token, swap_tokens, repeat_token, space, new_number, new_number, add_field, add_field, reorder,
)  # fmt: skip


def mutated(case: Case, seed: int, times: int) -> Message:
    draw = random.Random(seed)
    value = case.value
    for _ in range(times):
        if value:
            value = draw.choice(MUTATIONS)(value, draw)
    return value, case.key, case.headers


def depth(seed: int) -> Message:
    """A good depth message of another shape each time: sides of 0 to 30 levels, all forms."""
    draw = random.Random(seed)
    bids, asks = draw.choice((0, 1, 2, 5, 20, 30)), draw.choice((0, 1, 2, 5, 20, 30))
    tick = draw.choice((0, 1, 2, 8))
    sides = [
        b",".join(
            b'["%.*f","%.*f"]' % (tick, price, draw.choice((0, 3)), draw.choice((0.0, 0.125, 7.0, 1e9 * draw.random())))
            for price in (start + step * (level + 1) for level in range(count))
        )
        for start, step, count in ((500.0, -1.0, bids), (500.0, 1.0, asks))
    ]
    bid, ask = draw.choice(((b"b", b"a"), (b"bids", b"asks")))
    levels = b'"%b":[%b],"%b":[%b]' % (bid, sides[0], ask, sides[1])
    payload = b'{"e":"depthUpdate","E":1,"T":2,"s":"BTCUSDT","U":3,"u":%d,%b%b}' % (
        draw.randrange(3, 9),
        draw.choice((b'"pu":2,', b'"pu":2,', b"")),
        levels,
    )
    name = draw.choice(("btcusdt@depth20@100ms", "btcusdt@depth", "btcusdt@restdepth20"))
    key = draw.choice((base.KEY, base.USDM_KEY, b"other:BTCUSDT", None))
    match draw.randrange(3):
        case 0:
            return base.envelope(name, payload), key, [("recv_ns", b"%d" % draw.randrange(2**63))]
        case 1:
            return payload, key, base.stream(name)
        case _:
            return payload, key, None


def ticker(seed: int) -> Message:
    """A bookTicker message of another shape each time: all venues, good and nearly good."""
    draw = random.Random(seed)
    numbers = (
        b"0",
        b"0.00000000",
        b"61837.63000000",
        b"7",
        b"0.5",
        b"123456789012345.5",
        b"1e3",
        b"-1",
        b"00.5",
        b"1.",
        b"",
    )
    best = tuple(draw.choice(numbers[: draw.choice((6, 6, 6, len(numbers)))]) for _ in range(4))
    symbol = draw.choice((b"BTCUSDT", b"BTCUSDT", b"ETHUSDT", b"btcusdt", b"BTCUSD_PERP"))
    payload = b'{%b"u":%b,"s":"%b",%b"b":"%b","B":"%b","a":"%b","A":"%b"%b}' % (
        draw.choice((b'"e":"bookTicker",', b"")),
        draw.choice((b"5123107839020", b"5123107839020", b"0", b"9223372036854775807", b"01", b"1.0")),
        symbol,
        draw.choice((b"", b"", b'"ps":"BTCUSD",')),
        *best,
        draw.choice((b"", b',"T":1723161256313,"E":1723161256313', b',"T":null,"E":1', b',"E":-1')),
    )
    name = draw.choice((symbol.lower().decode(), "btcusdt")) + "@bookTicker"
    key = draw.choice((base.KEY, base.USDM_KEY, b"binance-coinm:BTCUSD_PERP", None, b"other:"))
    received = draw.choice((b"1723161256313000000", b"9" * 19, b"x", b""))
    headers = draw.choice((None, None, [("recv_ns", received)], base.stream(name), [("recv_ns", b"1"), ("other", b"")]))
    return draw.choice((base.envelope(name, payload), payload)), key, headers


messages = st.one_of(
    st.builds(ticker, st.integers(0, 2**32)),
    st.builds(depth, st.integers(0, 2**32)),
    st.builds(depth, st.integers(0, 2**32)),
    st.builds(lambda case: (case.value, case.key, case.headers), st.sampled_from(SMALL)),
    st.builds(mutated, st.sampled_from(SMALL), st.integers(0, 2**32), st.integers(1, 3)),
    st.builds(mutated, st.sampled_from(base.BASES), st.integers(0, 2**32), st.integers(1, 4)),
)
polls = st.lists(st.tuples(messages, st.integers(0, 1)), max_size=40)
settings = st.fixed_dictionaries(
    {
        "bare_depth": st.sampled_from((None, "partial", "diff")),
        "depth_levels": st.sampled_from((1, 2, 20)),
        "max_levels": st.sampled_from((3, 20_000)),
        "max_message_bytes": st.sampled_from((300, 5_000_000)),
    }
)
either = pytest.mark.parametrize("way", WAYS)


def batch(poll: list[tuple[Message, int]], start: int = 0) -> RawBatch:
    raw = RawBatch("depth.raw")
    for offset, ((value, key, headers), partition) in enumerate(poll, start):
        raw.append(value, key=key, headers=headers, partition=partition, offset=offset, timestamp_ms=offset - 1)
    return raw


def facts(decoded: Decoded, raw: RawBatch) -> tuple[object, ...]:
    """All that one can see of an answer, exactly."""
    groups = [
        (
            group.instrument,
            group.partition,
            [(type(event), repr(event)) for event in group.events],
            group.levels.shape,
            group.levels.tobytes(),
        )
        for group in groups_of(decoded, raw)
    ]
    return groups, decoded.faults


@either
@given(settings, polls)
def test_a_fast_path_gives_the_answer_of_the_plain_one(
    way: Way, settings: dict[str, Any], poll: list[tuple[Message, int]]
) -> None:
    raw = batch(poll)
    decoder = decoder_of(way, **settings)

    assert facts(decoder.decode(raw), raw) == facts(decoder.decode_plainly(raw), raw)


@either
@given(settings, polls)
def test_every_message_is_one_event_or_one_fault(
    way: Way, settings: dict[str, Any], poll: list[tuple[Message, int]]
) -> None:
    raw = batch(poll)
    decoded = decoder_of(way, **settings).decode(raw)

    offsets = [event.offset for group in groups_of(decoded, raw) for event in group.events]
    offsets += [fault.offset for fault in decoded.faults]
    assert len(set(offsets)) == len(offsets)
    assert len(offsets) == len(poll)


@either
@given(settings, polls, st.data())
def test_a_cut_anywhere_changes_nothing(
    way: Way, settings: dict[str, Any], poll: list[tuple[Message, int]], data: st.DataObject
) -> None:
    decoder = decoder_of(way, **settings)
    cut = data.draw(st.integers(0, len(poll)))

    whole = seen(decoder, [batch(poll)])
    parts = seen(decoder, [batch(poll[:cut]), batch(poll[cut:], start=cut)])

    assert whole == parts


def seen(decoder: Decoder, raws: list[RawBatch]) -> tuple[dict[tuple[str, int], list[object]], list[Fault]]:
    """What the steps behind see: events by group, with the levels of each book."""
    events: dict[tuple[str, int], list[object]] = {}
    faults: list[Fault] = []
    for raw in raws:
        answer = decoder.decode(raw)
        faults += answer.faults
        for group in groups_of(answer, raw):
            for event in group.events:
                own = events.setdefault((group.instrument, group.partition), [])
                own.append(book_of(event, group.levels.tolist()))
    return events, faults


def book_of(event: Event, levels: list[list[list[list[float]]]]) -> object:
    """An event; a book with its levels, without the row and the padding that depend on its neighbours."""
    if not isinstance(event, Partial):
        return event
    sides = [[level for level in side if level[0] > 0.0] for side in levels[event.row]]
    return event._replace(row=0), sides


@given(
    st.lists(
        st.one_of(st.text("0123456789."), st.decimals(0, 10**25, allow_nan=False).map(str)), min_size=1, max_size=9
    )
)
def test_a_number_parsed_in_columns_is_the_float_of_its_text(texts: list[str]) -> None:
    pieces = [b'"b":[["%b","1"]],"a":[]' % text.encode() for text in texts]

    counts = [count for count in count_levels(pieces) if count is not None]
    levels = parse_levels(pieces, counts) if len(counts) == len(pieces) else None

    if levels is not None:
        assert levels.numbers[0::2].tolist() == [float(text) for text in texts]


digits = st.one_of(
    st.text("0123456789.", min_size=1, max_size=30),
    st.decimals(0, 10**25, allow_nan=False).map(str),
    st.builds("{}.{}".format, st.integers(0, 10**17), st.text("0123456789", min_size=1, max_size=12)),
    st.floats(0.0, 1e30, allow_nan=False).map(lambda number: f"{number:.{17}f}"),
)


@either
@example(["9007199254740993", "9007199254740992", "0.1", "900719925474099.3"])
@example(["9999999999999999999", "0.0000000000000000001", "0.00000000000000000001", "123456789012.00000000"])
@given(st.lists(digits, min_size=4, max_size=4))
def test_an_amount_is_the_float_of_its_text(way: Way, texts: list[str]) -> None:
    value = b'{"u":1,"s":"BTCUSDT","b":"%b","B":"%b","a":"%b","A":"%b"}' % tuple(text.encode() for text in texts)
    raw = batch([((base.envelope("btcusdt@bookTicker", value), base.KEY, None), 0)])

    decoded = decoder_of(way).decode(raw)

    events = [event for group in decoded.groups for event in group.events]
    assert len(events) + len(decoded.faults) == 1
    for event in events:
        assert event[2:] == tuple(float(text) for text in texts)


@either
@pytest.mark.parametrize("case", base.BASES, ids=lambda case: case.name)
def test_a_message_that_breaks_off_anywhere_is_a_fault(case: Case, way: Way) -> None:
    assert case.value is not None
    raw = batch([((case.value[:cut], case.key, case.headers), 0) for cut in range(len(case.value))])

    decoded = decoder_of(way).decode(raw)

    assert {fault.reason for fault in decoded.faults} == {"not_json"}
    assert len(decoded.faults) == len(raw)


@example('["1"5,"2"]')
@example('["1","2"]5')
@example('5["1","2"]')
@example('["","2"]')
@example('["1",""]5')
@example('["1","2"],["",3""]')
@given(st.text('"[],.05', max_size=14))
def test_only_perfect_levels_pass_for_levels(text: str) -> None:
    piece = b'"b":[%b],"a":[]' % text.encode()

    (count,) = count_levels([piece])
    levels = parse_levels([piece], [count]) if count is not None else None

    if levels is not None:
        document = orjson.loads(b"{%b}" % piece)
        assert levels.numbers.tolist() == [float(number) for level in document["b"] for number in level]
        assert all(len(level) == 2 for level in document["b"])
        assert document["a"] == []


def left_over(decoder: Decoder, raw: RawBatch, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indexes that the fast path leaves to the plain one."""
    left: list[int] = []

    def decode_and_tell(raw: RawBatch, index: int, rules: Rules) -> tuple[str, Item]:
        left.append(index)
        return decode_one(raw, index, rules)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.decode.decode_one", decode_and_tell)
        decoder.decode(raw)
    return left


@either
@pytest.mark.parametrize("case", base.BASES, ids=lambda case: case.name)
def test_what_the_exchange_sends_all_the_time_takes_the_fast_path(
    case: Case, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_over(decoder_of(way), batch([((case.value, case.key, case.headers), 0)]), monkeypatch)

    if way[0] is None:
        quick = case.expected in {"Partial", "Diff"} or case.value == base.TICKER
    else:
        quick = case.expected != "Snapshot" and case.value != base.NORMALISED
    assert left == ([] if quick else [0])


@either
def test_one_bad_number_does_not_push_its_neighbours_off_the_fast_path(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {
        7: base.swap(base.PARTIAL, b'"1.25"', b'"1.2.5"'),
        50: base.swap(base.PARTIAL, b'"100.4"', b'"100.9"'),
        51: base.swap(base.PARTIAL, b'"1.25"', b'"1.25"5'),
        99: base.swap(base.PARTIAL, b'"u":12', b'"u":"12"'),
    }
    raw = batch([((bad.get(number, base.PARTIAL), base.USDM_KEY, None), 0) for number in range(100)])
    decoder = decoder_of(way)

    assert left_over(decoder, raw, monkeypatch) == list(bad)

    decoded = decoder.decode(raw)
    assert [fault.offset for fault in decoded.faults] == list(bad)
    assert len(groups_of(decoded, raw)[0].events) == 96


@either
def test_chunks_do_not_show(way: Way) -> None:
    raw = batch([(depth(seed), seed % 2) for seed in range(2 * decode_fast.CHUNK + 50)])
    decoder = decoder_of(way)

    assert facts(decoder.decode(raw), raw) == facts(decoder.decode_plainly(raw), raw)


def test_facts_tell_two_answers_apart() -> None:
    raw = batch([((base.PARTIAL, base.USDM_KEY, None), 0)])
    decoded = Decoder().decode(raw)
    other = dataclasses.replace(
        decoded, groups=[dataclasses.replace(decoded.groups[0], levels=decoded.groups[0].levels * 2)]
    )

    assert facts(decoded, raw) != facts(other, raw)
