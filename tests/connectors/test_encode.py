"""Records as bytes: names, order, nulls and digits, for every state a book can be in."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import jsonschema
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.encode import RecordEncoder, record_schema
from connectors.encode_form import Remembered, texts_of
from kernels import compiled
from orderbook import FIELDS, Diff, MeasureConfig, cells
from orderbook.metrics import COLUMNS
from orderbook.record import NAMES, STATES
from orderbook.rows import Row
from tests.orderbook.feeds import (
    COINM,
    SPOT,
    TOPIC,
    Levels,
    Run,
    Told,
    book,
    documents,
    encode,
    pack,
    snapshot,
    spot,
    trade,
)
from tests.strategies import configs, mixed_feeds

Record: TypeAlias = dict[str, Any]

NEVER_NULL = {field.name for field in FIELDS if not field.null_when}
OF_NO_STATE = {"delta_window_ms", "event_time_ms", "transaction_time_ms", "receive_time_ns", "update_id"}
EIGHT = {
    *("orderflow_imbalance", "delta_volume", "bid_ask_spread_pct", "order_book_depth_ratio", "large_order_presence"),
    *("bid_notional", "ask_notional", "total_depth"),
}
NEAR_MID = {f"{side}_notional_{bps}bps" for bps in (5, 10, 25) for side in ("bid", "ask")}
MIDS = {"mid_price", "micro_price", "depth_span_bid_bps", "depth_span_ask_bps"} | NEAR_MID
NEAR = {"imbalance_l1", "imbalance_l5"}
FLOW = {"ofi_l1", "ofi_ml", "ofi_ew_500ms", "ofi_ew_2s", "delta_volume_1s"}
BID, ASK = {"best_bid", "best_bid_quantity"}, {"best_ask", "best_ask_quantity"}
NULLS = {
    "live": set[str](),
    "one_sided": {"bid_ask_spread_pct", *MIDS, *ASK},
    "empty": {"orderflow_imbalance", "bid_ask_spread_pct", "order_book_depth_ratio", "large_order_presence"}
    | {*NEAR, *MIDS, *BID, *ASK},
    "crossed": EIGHT | NEAR | FLOW | MIDS,
    "resyncing": EIGHT | NEAR | FLOW | MIDS | BID | ASK | {"bid_volume", "ask_volume"},
    "thin": set[str](),
}
"""What each state makes null, as docs/metrics.md lists it."""

OF_SPOT = texts_of((SPOT, 0), TOPIC)
ENCODERS = {"compiled": RecordEncoder(), "plain": RecordEncoder(pure=True)}

floats = st.one_of(
    st.floats(),
    st.sampled_from(
        [0.0, -0.0, 1e15, 1e16, 1e17, 1e-4, 1e-5, 1e-7, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308]
    ),
    st.integers(-(2**54), 2**54).map(float),
    st.decimals(-1_000_000, 1_000_000, places=8).map(float),
)
numbers = st.none() | floats
whole = st.integers(0, 2**63 - 1) | st.sampled_from([0, 9, 10, 99, 100, 101, 999, 1000, 10**18, 2**63 - 1])
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
rows = st.builds(
    Row,
    offset=whole,
    timestamp_ms=whole,
    receive_time_ns=st.none() | whole,
    event_time_ms=st.none() | whole | st.integers(-(2**63) + 1, 2**63 - 1),
    transaction_time_ms=st.none() | whole,
    update_id=st.none() | whole,
    seq=whole,
    delta_volume=numbers,
    trade_delta=numbers,
    delta_events=whole,
    state=st.integers(0, len(STATES) - 1),
    gaps=whole,
    ofi_l1=numbers,
    ofi_ew_500ms=numbers,
    ofi_ew_2s=numbers,
    delta_volume_1s=numbers,
    trade_delta_1s=numbers,
    trade_count_1s=whole,
    delta_window_ms=st.none() | whole,
    delta_truncated=whole,
    near=st.none() | st.tuples(*[numbers] * 6),
)


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> RecordEncoder:
    if request.param == "compiled" and compiled("records") is None:
        pytest.skip("the kernel was not built")
    return ENCODERS[request.param]


def encoded_one_by_one(groups: list[tuple[str, str, int, list[Row]]], metrics: list[list[float]]) -> list[bytes]:
    """The records of all rows, each as a document of its own."""
    of_rows = iter(metrics)
    out = []
    for instrument, topic, partition, some in groups:
        venue, _, symbol = instrument.partition(":")
        for row in some:
            document: dict[str, object] = dict.fromkeys(NAMES)
            document |= dict(zip(COLUMNS, next(of_rows), strict=True))
            document |= {name: value for name, value in row._asdict().items() if name in NAMES}
            if row.near is not None:
                document |= dict(zip(COLUMNS[-6:], row.near, strict=True))
            document |= {"schema": 1, "venue": venue, "symbol": symbol, "state": STATES[row.state]}
            document["source"] = {"topic": topic, "partition": partition, "offset": row.offset}
            document["ofi_source"] = "snapshot" if row.near is None else "diff"
            out.append(orjson.dumps(document))
    return out


def of_each_state() -> dict[str, Record]:
    """One record of every state, with all that does not depend on the state."""
    run = Run()
    bids, asks = [(99.0, 1.0)], [(101.0, 2.0)]
    run.feed(trade(1, 1.0), book(bids, asks))
    books = [book(bids, asks), book(bids, []), book([], []), book(asks, bids)]
    told: list[Told] = [
        one._replace(event=one.event._replace(event_time_ms=1, transaction_time_ms=2, receive_time_ns=3))
        for one in books
    ]
    cut_off = snapshot(2, [(99.0 - n, 1.0) for n in range(20)], asks)
    records = run.feed(*told, _spot(1, 2), cut_off, _spot(3, 4, [(99.0, 0.0)]), _spot(5, 6))
    return {record["state"]: record for record in records}


def _spot(first: int, last: int, bids: Levels = ()) -> Diff:
    return spot(first, last, bids)._replace(transaction_time_ms=2, receive_time_ns=3)


def schema() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(record_schema())
    return jsonschema.Draft202012Validator(record_schema())


def test_there_is_a_record_of_every_state() -> None:
    assert tuple(of_each_state()) == STATES


@pytest.mark.parametrize("state", STATES)
def test_a_record_has_every_field_in_the_fixed_order(state: str) -> None:
    assert tuple(of_each_state()[state]) == NAMES


@pytest.mark.parametrize("state", STATES)
def test_a_state_makes_null_what_the_documentation_says_and_nothing_else(state: str) -> None:
    record = of_each_state()[state]

    assert {name for name, value in record.items() if value is None} - OF_NO_STATE == NULLS[state]


@pytest.mark.parametrize("state", STATES)
def test_a_record_of_every_state_fits_the_schema(state: str) -> None:
    schema().validate(of_each_state()[state])


@settings(max_examples=40)
@given(told=mixed_feeds, config=configs)
def test_all_records_fit_the_schema(told: list[Told], config: MeasureConfig) -> None:
    validator = schema()
    for record in Run(config, COINM).feed(*told):
        validator.validate(record)


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2},
        {"state": "stale"},
        {"seq": 0},
        {"seq": None},
        {"delta_events": None},
        {"gaps": -1},
        {"orderflow_imbalance": 1.5},
        {"order_book_depth_ratio": 2.1},
        {"best_bid": "99"},
        {"update_id": 1.5},
        {"source": {"topic": TOPIC, "partition": 0}},
        {"source": {"topic": TOPIC, "partition": -1, "offset": 0}},
    ],
)
def test_the_schema_refuses_what_no_record_may_hold(wrong: Record) -> None:
    with pytest.raises(jsonschema.ValidationError):
        schema().validate(of_each_state()["live"] | wrong)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_asks_for_every_field(name: str) -> None:
    record = of_each_state()["live"]
    del record[name]

    with pytest.raises(jsonschema.ValidationError, match="required"):
        schema().validate(record)


def test_the_schema_lets_later_fields_pass() -> None:
    schema().validate(of_each_state()["live"] | {"imbalance_l50": 0.5})


def test_fields_that_are_never_null_are_so_in_the_schema() -> None:
    properties: Any = record_schema()["properties"]

    assert {name for name, value in properties.items() if "null" not in value["type"]} == NEVER_NULL


def test_a_record_is_one_line_of_plain_json() -> None:
    run = Run()
    run.feed(book([(0.1 + 0.2, 1e-8)], [(1e15, 123456789.123456789)]))
    [value] = run.encoded

    assert b"\n" not in value
    assert b"NaN" not in value
    assert json.loads(value) == orjson.loads(value)
    assert json.loads(value)["best_bid"] == 0.1 + 0.2
    assert json.loads(value)["best_ask_quantity"] == 123456789.123456789


def test_the_bytes_of_a_record_stay_as_they_are() -> None:
    run = Run()
    run.feed(trade(1, 0.5), book([(100.0, 5.0), (99.5, 3.0)], [(100.5, 2.0)], 7, 1_700_000_000_000))

    expected = (
        b'{"schema":1,"venue":"binance-spot","symbol":"BTCUSDT","seq":1,"event_time_ms":1700000000000,'
        b'"transaction_time_ms":null,"receive_time_ns":null,"update_id":7,"orderflow_imbalance":0.6,"delta_volume":0.0,'
        b'"bid_ask_spread_pct":0.4987531172069825,"order_book_depth_ratio":2.0,"large_order_presence":0.6,'
        b'"bid_notional":798.5,"ask_notional":201.0,"total_depth":999.5,"best_bid":100.0,"best_bid_quantity":5.0,'
        b'"best_ask":100.5,"best_ask_quantity":2.0,"mid_price":100.25,"micro_price":100.35714285714286,"bid_volume":8.0,'
        b'"ask_volume":2.0,"trade_delta":0.5,"delta_events":0,"state":"live","gaps":0,'
        b'"source":{"topic":"depth.raw","partition":0,"offset":0},"imbalance_l1":0.42857142857142855,"imbalance_l5":0.6,'
        b'"ofi_l1":null,"ofi_ml":null,"ofi_ew_500ms":0.0,"ofi_ew_2s":0.0,'
        b'"delta_volume_1s":0.0,"trade_delta_1s":0.0,"trade_count_1s":0,"delta_window_ms":null,"delta_truncated":0,'
        b'"depth_span_bid_bps":74.81296758104737,"depth_span_ask_bps":24.93765586034913,'
        b'"bid_notional_5bps":0.0,"ask_notional_5bps":0.0,"bid_notional_10bps":0.0,"ask_notional_10bps":0.0,'
        b'"bid_notional_25bps":500.0,"ask_notional_25bps":null,"ofi_source":"snapshot"}'
    )
    assert run.encoded == [expected]


def test_the_largest_ids_and_times_are_kept_to_the_last_digit() -> None:
    largest = 2**63 - 1
    item = book([(99.0, 1.0)], [(101.0, 1.0)])
    event = item.event._replace(receive_time_ns=largest, update_id=largest, offset=largest)
    record = Run().one(item._replace(event=event))

    assert record["receive_time_ns"] == record["update_id"] == record["source"]["offset"] == largest


def test_names_and_places_are_those_of_the_caller(encoder: RecordEncoder) -> None:
    rows = Run().measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)])])).rows
    [value] = documents(encoder, rows, np.ones((1, len(COLUMNS))), [1], [texts_of(("my-venue:A:B", 7), "über")])
    record = orjson.loads(value)

    assert (record["venue"], record["symbol"]) == ("my-venue", "A:B")
    assert record["source"] == {"topic": "über", "partition": 7, "offset": 0}


@pytest.mark.parametrize("count", [0, 2])
def test_metrics_of_other_rows_are_an_error_not_a_shorter_list(encoder: RecordEncoder, count: int) -> None:
    rows = Run().measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)])])).rows

    with pytest.raises(ValueError, match="1 rows"):
        documents(encoder, rows, np.ones((count, len(COLUMNS))), [1], [OF_SPOT])


@pytest.mark.parametrize("counts", [[2], [1, 1], [-1], [0, 2]])
def test_groups_of_other_rows_are_an_error(encoder: RecordEncoder, counts: list[int]) -> None:
    rows = Run().measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)])])).rows

    with pytest.raises(ValueError, match="1 rows"):
        documents(encoder, rows, np.ones((1, len(COLUMNS))), counts, [OF_SPOT] * len(counts))


def test_a_long_name_is_kept_whole(encoder: RecordEncoder) -> None:
    rows = Run().measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)])] * 2)).rows
    names = ["dex:" + "L" * 100_000, "dex:S"]
    texts = [texts_of((name, 0), TOPIC) for name in names]
    records = documents(encoder, rows, np.ones((2, len(COLUMNS))), [1, 1], texts)

    assert ["dex:" + orjson.loads(record)["symbol"] for record in records] == names


def test_where_cells_hold_other_rows_records_are_made_in_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Run().measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)])])).rows
    expected = documents(RecordEncoder(), rows, np.ones((1, len(COLUMNS))), [1], [OF_SPOT])
    monkeypatch.setattr(cells, "KERNEL", None)
    encoder = RecordEncoder()

    assert type(encoder.rows(rows, np.ones((1, len(COLUMNS))))) is cells.PlainRows
    assert documents(encoder, rows, np.ones((1, len(COLUMNS))), [1], [OF_SPOT]) == expected


def test_no_rows_are_no_records(encoder: RecordEncoder) -> None:
    assert documents(encoder, [], np.ones((0, len(COLUMNS))), [], []) == []
    assert documents(encoder, [], np.ones((0, len(COLUMNS))), [0], [OF_SPOT]) == []


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.tuples(names, names, st.integers(0, 2**31 - 1), st.lists(rows, max_size=3)), max_size=3),
    data=st.data(),
)
def test_records_are_what_a_json_library_makes_of_their_fields(
    encoder: RecordEncoder, groups: list[tuple[str, str, int, list[Row]]], data: st.DataObject
) -> None:
    count = sum(len(group[3]) for group in groups)
    values = data.draw(st.lists(st.lists(floats, min_size=26, max_size=26), min_size=count, max_size=count))
    metrics = np.array(values, np.float64).reshape(count, len(COLUMNS))

    counts = [len(group[3]) for group in groups]
    texts = [texts_of((group[0], group[2]), group[1]) for group in groups]

    assert documents(
        encoder, [row for group in groups for row in group[3]], metrics, counts, texts
    ) == encoded_one_by_one(groups, values)


def test_short_names_are_remembered_and_long_ones_are_not_since_a_sender_could_fill_the_memory() -> None:
    remembered, long = Remembered(TOPIC), ("dex:" + "L" * 100_000, 1)
    short_texts = remembered["dex:S", 0]

    assert short_texts == texts_of(("dex:S", 0), TOPIC)
    assert remembered[long] == texts_of(long, TOPIC)
    assert remembered["dex:S", 0] is short_texts
    assert list(remembered) == [("dex:S", 0)]


def test_not_more_than_some_thousand_names_are_remembered() -> None:
    remembered = Remembered(TOPIC)
    most = max(len(remembered) for n in range(10_000) if remembered[f"dex:S{n}", 0])

    assert 1_000 < most < 5_000


def test_encoding_twice_gives_the_same_bytes() -> None:
    config = MeasureConfig()
    measured = Run(config).measurer.feed(*pack([book([(99.0, 1.0)], [(101.0, 1.0)]), book([], [])]))

    assert encode(config, measured) == encode(config, measured)


def test_undefined_is_null_for_every_column() -> None:
    rows = Run().measurer.feed(*pack([snapshot(1), spot(5, 6)])).rows
    [value] = documents(RecordEncoder(), rows, np.full((1, len(COLUMNS)), np.nan), [1], [OF_SPOT])
    record = orjson.loads(value)

    assert {record[name] for name in COLUMNS} == {None}
