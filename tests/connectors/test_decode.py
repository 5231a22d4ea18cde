"""What decoding makes of messages: the corpus, groups, order, conservation."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

from connectors.decode import Decoder
from connectors.decoded import Decoded
from connectors.raw import FAULT_REASONS, RawBatch
from orderbook.events import Diff, Partial, Quote, Snapshot, Trade
from tests.corpus import case as base
from tests.corpus.malformed import GOOD, MALFORMED, Case

DECODE_REASONS = frozenset(FAULT_REASONS) - {"offsets_lost", "partition_moved"}

Decode = Callable[[Decoder, RawBatch], Decoded]


def decode_in_columns(decoder: Decoder, raw: RawBatch) -> Decoded:
    """As where nothing is compiled."""
    decoder._compiled = None
    return decoder.decode(raw)


def decode_compiled(decoder: Decoder, raw: RawBatch) -> Decoded:
    if decoder._compiled is None:
        pytest.skip("the kernel `polls` was not compiled, or is not wanted")
    return decoder.decode(raw)


@pytest.fixture(
    params=[decode_compiled, decode_in_columns, Decoder.decode_plainly], ids=["compiled", "columns", "plain"]
)
def decode(request: pytest.FixtureRequest) -> Decode:
    """Any path."""
    made: Decode = request.param
    return made


def one(value: bytes | None, key: bytes | None = base.KEY, headers: list[tuple[str, bytes]] | None = None) -> RawBatch:
    raw = RawBatch("depth.raw")
    raw.append(value, key=key, headers=headers, partition=3, offset=42, timestamp_ms=1700000000123)
    return raw


def outcome(decoded: Decoded) -> str:
    """What became of the one message."""
    events = [type(event).__name__ for group in decoded.groups for event in group.events]
    found = [*events, *(fault.reason for fault in decoded.faults)]

    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_malformed_message_becomes_a_fault_with_its_reason(case: Case, decode: Decode) -> None:
    raw = one(case.value, case.key, case.headers)

    decoded = decode(Decoder(), raw)

    assert case.expected == outcome(decoded)
    fault = decoded.faults[0]
    assert (case.key, case.value, case.headers, "depth.raw", 3, 42, 1700000000123) == (
        fault.key,
        fault.value,
        fault.headers,
        fault.topic,
        fault.partition,
        fault.offset,
        fault.timestamp_ms,
    )


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_fault_says_in_a_line_what_was_expected_and_what_came(case: Case, decode: Decode) -> None:
    detail = decode(Decoder(), one(case.value, case.key, case.headers)).faults[0].detail

    assert detail.startswith("expected ")
    assert " received " in detail
    assert len(detail) < 300
    assert detail.isprintable()


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_an_odd_message_is_good(case: Case, decode: Decode) -> None:
    assert case.expected == outcome(decode(Decoder(), one(case.value, case.key, case.headers)))


def test_the_corpus_has_every_reason_that_decoding_gives_and_no_name_twice() -> None:
    names = [case.name for case in (*MALFORMED, *GOOD)]

    assert {case.expected for case in MALFORMED} == DECODE_REASONS
    assert len(set(names)) == len(names)
    assert len(MALFORMED) >= 80


@pytest.mark.parametrize("setting", ["partial", "diff"])
def test_a_setting_tells_what_bare_depth_is(setting: str, decode: Decode) -> None:
    decoder = Decoder(bare_depth=setting)

    assert outcome(decode(decoder, one(base.PAYLOAD, base.USDM_KEY))) == setting.title()
    assert outcome(decode(decoder, one(base.SPOT_PAYLOAD))) == "Partial"


def test_a_futures_partial_is_read_field_by_field(decode: Decode) -> None:
    group = decode(Decoder(), one(base.PARTIAL, base.USDM_KEY, [("recv_ns", b"1700000000222000000")])).groups[0]

    assert (group.instrument, group.partition) == ("binance-usdm:BTCUSDT", 3)
    assert group.events == [
        Partial(42, 1700000000123, 1700000000222000000, 1700000000001, 1700000000000, 12, 0),
    ]
    assert group.levels.tolist() == [[[[100.5, 1.25], [100.4, 2.0]], [[100.6, 3.0], [100.7, 0.5]]]]
    assert group.levels.dtype == np.float64


def test_a_spot_partial_has_the_receive_time_of_kafka_and_no_event_time(decode: Decode) -> None:
    (event,) = decode(Decoder(), one(base.SPOT_PARTIAL)).groups[0].events

    assert event == Partial(42, 1700000000123, 1700000000123000000, None, None, 12, 0)


def test_a_normalised_book_has_its_time_and_no_id(decode: Decode) -> None:
    group = decode(Decoder(), one(base.NORMALISED, None)).groups[0]

    assert group.instrument == "binance-spot:BTCUSDT"
    assert group.events == [Partial(42, 1700000000123, 1700000000123000000, 1700000000001, None, None, 0)]


def test_differences_keep_order_zeros_and_repeats(decode: Decode) -> None:
    value = base.swap(base.DIFF, b'["100.4","2"]', b'["100.9","0.000"],["100.5","7"]')

    (event,) = decode(Decoder(), one(value, base.USDM_KEY)).groups[0].events

    assert event == Diff(
        offset=42,
        timestamp_ms=1700000000123,
        receive_time_ns=1700000000123000000,
        event_time_ms=1700000000001,
        transaction_time_ms=1700000000000,
        update_id=12,
        first_id=10,
        previous_id=9,
        bids=[(100.5, 1.25), (100.9, 0.0), (100.5, 7.0)],
        asks=[(100.6, 3.0), (100.7, 0.5)],
    )
    assert {type(number) for pair in event.bids for number in pair} == {float}


@pytest.mark.parametrize(("key", "previous"), [(base.KEY, None), (base.USDM_KEY, 9), (b"other:BTCUSDT", 9)])
def test_spot_differences_are_not_chained_by_pu(key: bytes, previous: int | None, decode: Decode) -> None:
    (event,) = decode(Decoder(), one(base.DIFF, key)).groups[0].events

    assert isinstance(event, Diff)
    assert event.previous_id == previous


def test_a_snapshot_is_whole_and_without_empty_levels(decode: Decode) -> None:
    value = base.swap(base.SNAPSHOT, b'["100.4","2"]', b'["100.4","0"],["100.3","5"]')

    (event,) = decode(Decoder(depth_levels=1), one(value)).groups[0].events

    assert event == Snapshot(42, 12, [(100.5, 1.25), (100.3, 5.0)], [(100.6, 3.0), (100.7, 0.5)])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (base.TRADE, Trade(42, 7, 1700000000001, -0.25, aggregate=False, market=True)),
        (base.AGG_TRADE, Trade(42, 5, 1700000000001, 0.25, aggregate=True, market=True)),
        (
            base.swap(base.TRADE, b'"MARKET"', b'"ADL"'),
            Trade(42, 7, 1700000000001, -0.25, aggregate=False, market=False),
        ),
        (
            base.swap(base.TRADE, b'"E":1700000000001,', b""),
            Trade(42, 7, 1700000000000, -0.25, aggregate=False, market=True),
        ),
        (
            base.swap(base.AGG_TRADE, b'"E":1700000000001', b'"E":null').replace(b'"T":1700000000000,', b""),
            Trade(42, 5, 1700000000222, 0.25, aggregate=True, market=True),
        ),
    ],
)
def test_a_trade_is_signed_by_its_aggressor_and_has_a_clock(value: bytes, expected: Trade, decode: Decode) -> None:
    decoded = decode(Decoder(), one(value, base.USDM_KEY, [("recv_ns", b"1700000000222333444")]))

    assert decoded.groups[0].events == [expected]


@pytest.mark.parametrize("value", [base.TICKER, base.TICKER_PAYLOAD, base.SPOT_TICKER_PAYLOAD])
def test_a_quote_has_an_id_and_both_sides(value: bytes, decode: Decode) -> None:
    assert decode(Decoder(), one(value)).groups[0].events == [Quote(42, 12, 100.5, 1.0, 100.6, 2.0)]


def test_an_empty_side_of_a_quote_is_zero(decode: Decode) -> None:
    value = base.swap(base.TICKER, b'"b":"100.5","B":"1"', b'"b":"0.00","B":"0.00"')

    assert decode(Decoder(), one(value)).groups[0].events == [Quote(42, 12, 0.0, 0.0, 100.6, 2.0)]


def test_no_kafka_timestamp_is_no_receive_time(decode: Decode) -> None:
    raw = one(base.PARTIAL, base.USDM_KEY)
    raw.timestamps_ms[0] = -1

    (event,) = decode(Decoder(), raw).groups[0].events

    assert isinstance(event, Partial)
    assert event.receive_time_ns is None


def test_only_the_first_levels_with_a_quantity_count_but_all_are_checked(decode: Decode) -> None:
    levels = b'"bids":[["9","0"],["8","1"],["7","2"],["6","3"]],"asks":[["10","1"]]'
    value = b'{"lastUpdateId":1,%b}' % levels
    decoder = Decoder(depth_levels=2)

    group = decode(decoder, one(value)).groups[0]

    assert group.levels.tolist() == [[[[8.0, 1.0], [7.0, 2.0]], [[10.0, 1.0], [0.0, 0.0]]]]
    assert outcome(decode(decoder, one(value.replace(b'["6","3"]', b'["6","-3"]')))) == "negative_quantity"
    assert outcome(decode(decoder, one(value.replace(b'["6","3"]', b'["7","3"]')))) == "unsorted_levels"


def test_a_block_is_as_wide_as_the_widest_book_of_the_poll_and_at_least_one(decode: Decode) -> None:
    empty = b'{"lastUpdateId":1,"bids":[],"asks":[]}'

    raw = one(empty)
    assert decode(Decoder(), raw).groups[0].levels.shape == (1, 2, 1, 2)

    raw.append(base.SPOT_PAYLOAD, key=b"ETHUSDT")
    assert [group.levels.shape for group in decode(Decoder(), raw).groups] == [(1, 2, 2, 2)] * 2


def test_limits_are_settings(decode: Decode) -> None:
    decoder = Decoder(max_levels=2, max_message_bytes=len(base.PARTIAL))

    assert outcome(decode(decoder, one(base.PARTIAL, base.USDM_KEY))) == "Partial"
    assert outcome(decode(decoder, one(base.PARTIAL + b" ", base.USDM_KEY))) == "oversize"
    three = base.swap(base.SPOT_PAYLOAD, b'["100.4","2"]', b'["100.4","2"],["100.3","2"]')
    assert outcome(decode(decoder, one(three))) == "too_many_levels"


def test_groups_keep_the_order_of_each_instrument_and_partition(decode: Decode) -> None:
    raw = RawBatch("depth.raw")
    for offset, (value, key, partition) in enumerate(
        [
            (base.TRADE, base.USDM_KEY, 1),
            (b"broken", base.USDM_KEY, 1),
            (base.PARTIAL, base.USDM_KEY, 1),
            (base.SPOT_PARTIAL, base.KEY, 0),
            (base.TICKER, base.USDM_KEY, 1),
            (base.swap(base.PARTIAL, b'"1.25"', b'"1.25e0"'), base.USDM_KEY, 1),  # plain in the middle of fast ones
            (base.DIFF, base.USDM_KEY, 0),
            (base.SNAPSHOT, base.USDM_KEY, 1),
            (base.PARTIAL, base.USDM_KEY, 1),
        ]
    ):
        raw.append(value, key=key, partition=partition, offset=offset)

    decoded = decode(Decoder(), raw)

    assert [
        (group.instrument, group.partition, [event.offset for event in group.events]) for group in decoded.groups
    ] == [
        ("binance-usdm:BTCUSDT", 1, [0, 2, 4, 5, 7, 8]),
        ("binance-spot:BTCUSDT", 0, [3]),
        ("binance-usdm:BTCUSDT", 0, [6]),
    ]
    rows = [event.row for event in decoded.groups[0].events if isinstance(event, Partial)]
    assert rows == [0, 1, 2]
    assert [len(group.levels) for group in decoded.groups] == [3, 1, 0]
    assert [(fault.reason, fault.offset) for fault in decoded.faults] == [("not_json", 1)]


def test_a_group_travels_with_the_messages_that_are_its_own(decode: Decode) -> None:
    raw = one(base.PARTIAL, base.USDM_KEY)
    raw.append(base.SPOT_PARTIAL, key=base.KEY, offset=43, partition=3)

    group = pickle.loads(pickle.dumps(decode(Decoder(), raw).groups[1]))

    assert group.origin.values == [base.SPOT_PARTIAL]


def test_an_empty_poll_gives_nothing(decode: Decode) -> None:
    decoded = decode(Decoder(), RawBatch("depth.raw"))

    assert (decoded.groups, decoded.faults) == ([], [])


@pytest.mark.parametrize(
    "settings",
    [
        {"bare_depth": "both"},
        {"default_venue": "Binance"},
        {"default_venue": ""},
        {"depth_levels": 0},
        {"max_levels": 0},
        {"max_message_bytes": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^expected .* received "):
        Decoder(**settings)  # type: ignore[arg-type]


def test_what_a_sender_makes_up_does_not_fill_the_memory() -> None:
    decoder = Decoder()
    raw = RawBatch("depth.raw")
    for number in range(40_000):
        raw.append(b'{"lastUpdateId":1,"bids":[],"asks":[]}', key=b"SYMBOL%d" % number)
    raw.append(base.SPOT_PAYLOAD, key=b"X" * 100_000)

    assert len(decoder.decode(raw).groups) == 40_001
    known = decoder._rules.names.known
    assert len(known) <= 32_768
    assert max(len(part) for told in known for part in told if isinstance(part, bytes)) < 200
