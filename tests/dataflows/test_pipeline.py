"""The steps without Bytewax: each message is accounted for, each record is the core's, and no batch shows."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoded import Group
from connectors.raw import RawBatch
from dataflows.batches import measure_batches
from dataflows.pipeline import Pipeline, partition_key
from orderbook import MeasureConfig, Measurer, Trade
from orderbook.events import Side
from tests.dataflows.speak import pipeline, speak, split, woven
from tests.orderbook.feeds import COINM, SPOT, USDM, Run, Told, book, futures, quote, snapshot, spot, trade
from tests.strategies import BROKEN, DIFFS, ODD_PARTIALS, PARTIALS, QUOTES, SNAPSHOTS, TRADES, configs, told

BIDS: Side = [(99.0, 1.0), (98.0, 2.0)]
ASKS: Side = [(101.0, 2.0)]
ALL = (*DIFFS, *SNAPSHOTS, *BROKEN, *QUOTES, *PARTIALS, *ODD_PARTIALS, *TRADES)
NONSENSE = (b"", b"{", b"[]", b'{"stream":"btcusdt@kline_1m","data":{}}', b'{"stream":"btcusdt@depth20","data":{}}')

on_market = told(*ALL, futures=False, max_size=8).map(
    lambda items: [item._replace(market=True) if isinstance(item, Trade) else item for item in items]
)
"""Spot knows no trades but those of the market."""
on_futures = told(*ALL, futures=True, max_size=8)


def with_nonsense(raw: RawBatch, places: Sequence[int]) -> RawBatch:
    """The same messages with others between them that are faults or ignored."""
    out = RawBatch(raw.topic)
    for index in range(len(raw)):
        for number in (place for place in places if place == index):
            out.append(NONSENSE[number % len(NONSENSE)], key=b"binance-spot:BTCUSDT", offset=1_000_000 + len(out))
        out.append(
            raw.values[index],
            key=raw.keys[index],
            headers=raw.headers[index],
            offset=raw.offsets[index],
            timestamp_ms=raw.timestamps_ms[index],
        )
    return out


def run_all(steps: Pipeline, raws: list[RawBatch]) -> list[bytes]:
    return [record for result in measure_batches(steps, raws) for record in result.records]


@settings(max_examples=40)
@given(
    first=on_market,
    second=on_futures,
    third=on_futures,
    config=configs,
    cuts=st.lists(st.integers(0, 120), max_size=6),
    nonsense=st.lists(st.integers(0, 60), max_size=6),
)
def test_records_are_the_cores_in_message_order_and_every_message_is_accounted_for(
    *,
    first: list[Told],
    second: list[Told],
    third: list[Told],
    config: MeasureConfig,
    cuts: list[int],
    nonsense: list[int],
) -> None:
    messages = woven((SPOT, first), (USDM, second), (COINM, third))
    raw = with_nonsense(speak(messages), nonsense)
    alone = {instrument: Run(config, instrument) for instrument in (SPOT, USDM, COINM)}
    for instrument, item in messages:
        alone[instrument].feed(item)
    expected = [record for run in alone.values() for record in run.encoded]
    expected.sort(key=lambda record: int(orjson.loads(record)["source"]["offset"]))

    steps = pipeline(config)
    records = run_all(steps, split(raw, *cuts))

    assert records == expected
    assert steps.counts.unaccounted() == 0
    assert steps.counts.messages == len(raw)
    assert steps.counts.records == len(records)
    ignored = sum((run.ignored for run in alone.values()), start=type(steps.counts.ignored)())
    assert steps.counts.ignored == ignored
    assert steps.counts.notices == sum((run.notices for run in alone.values()), start=type(ignored)())


def test_faults_are_given_with_their_batch_and_counted_by_reason() -> None:
    raw = RawBatch("t")
    raw.append(b"{", offset=3)
    raw.append(b'{"symbol":"A","bids":[[1,-1]],"asks":[]}', offset=4)
    steps = pipeline()
    [result] = measure_batches(steps, [raw])

    assert [(fault.reason, fault.offset) for fault in result.faults] == [("not_json", 3), ("negative_quantity", 4)]
    assert steps.counts.faults == {"not_json": 1, "negative_quantity": 1}
    assert steps.counts.unaccounted() == 0


def test_an_empty_batch_gives_an_empty_result() -> None:
    [result] = measure_batches(pipeline(), [RawBatch("t")])

    assert result == ([], [])


def test_records_of_several_partitions_come_partition_by_partition_in_the_order_of_offsets() -> None:
    raw = RawBatch("t")
    for offset, (symbol, partition) in enumerate([("A", 1), ("B", 0), ("C", 1), ("B", 0), ("D", 0), ("A", 1)]):
        raw.append(b'{"symbol":"%s","bids":[[1,1]],"asks":[]}' % symbol.encode(), partition=partition, offset=offset)
    records = [orjson.loads(record) for record in run_all(pipeline(), [raw])]

    assert [(record["source"]["partition"], record["source"]["offset"]) for record in records] == [
        (0, 1), (0, 3), (0, 4), (1, 0), (1, 2), (1, 5),
    ]  # fmt: skip
    assert [record["symbol"] for record in records] == ["B", "B", "D", "A", "C", "A"]


def test_books_of_different_widths_are_measured_together() -> None:
    wide: Told = book([(99.0 - i, 1.0) for i in range(15)], [(101.0 + i, 1.0) for i in range(15)], 1)
    messages = woven((SPOT, [wide, wide]), (USDM, [snapshot(1, BIDS, ASKS), futures(1, 2, 3), futures(9, 9, 10)]))
    records = [orjson.loads(record) for record in run_all(pipeline(), [speak(messages)])]

    assert [(r["symbol"], r["state"], r["bid_volume"]) for r in records] == [
        ("BTCUSDT", "live", 15.0),
        ("BTCUSDT", "live", 15.0),
        ("BTCUSDT", "live", 3.0),
        ("BTCUSDT", "resyncing", None),
    ]


def test_waiting_books_alone_are_measured_though_none_has_a_level() -> None:
    [record] = run_all(pipeline(), [speak(woven((SPOT, [spot(1, 2, BIDS, ASKS)])))])

    assert orjson.loads(record)["state"] == "resyncing"


def test_contract_sizes_hold_for_coin_margined_instruments_only_though_measured_together() -> None:
    item: Told = book(BIDS, ASKS, 1, 5)
    other = "binance-coinm:ETHUSD_PERP"
    config = MeasureConfig(contract_sizes={"ETHUSD_PERP": 7.0, "BTCUSDT": 1000.0})
    messages = woven((SPOT, [item]), (COINM, [item]), (other, [item]), (USDM, [item]))
    records = [orjson.loads(record) for record in run_all(pipeline(config), [speak(messages)])]

    assert [record["ask_notional"] for record in records] == [202.0, 200.0, 14.0, 202.0]
    assert [record["order_book_depth_ratio"] for record in records] == [295 / 202, 1.5, 1.5, 295 / 202]


def test_a_batch_for_the_sink_has_key_time_and_partition_of_each_message() -> None:
    raw = RawBatch("t")
    raw.append(b'{"symbol":"A","bids":[[1,1]],"asks":[]}', partition=3, offset=7, timestamp_ms=1_000)
    raw.append(b'{"symbol":"B","bids":[[1,1]],"asks":[]}', key=b"dex:B", partition=3, offset=8, timestamp_ms=2_000)
    steps = pipeline()
    groups = steps.decode([raw])
    measured = [steps.measure(Measurer(steps.config), group) for group in groups if isinstance(group, Group)]
    [(key, batch)] = steps.encode(measured)

    assert key == partition_key(3) == "00003"
    assert (batch.partition, batch.keys, batch.timestamps_ms) == (3, [b"binance-spot:A", b"dex:B"], [1_000, 2_000])
    assert [orjson.loads(value or b"")["source"] for value in batch.values] == [
        {"topic": "t", "partition": 3, "offset": offset} for offset in (7, 8)
    ]
    assert batch.headers is None


def test_messages_that_are_no_records_give_no_batch() -> None:
    steps = pipeline()
    [group] = steps.decode([speak(woven((SPOT, [trade(1, 1.0), snapshot(5)])))])
    assert isinstance(group, Group)

    assert steps.encode([steps.measure(Measurer(steps.config), group)]) == []
    assert steps.counts.ignored == {"trade": 1, "snapshot": 1}


def test_a_gap_makes_its_own_instrument_wait_and_no_other() -> None:
    broken: list[Told] = [snapshot(100, BIDS, ASKS), spot(101, 101), spot(105, 105), spot(106, 106)]
    sound: list[Told] = [
        snapshot(100, BIDS, ASKS),
        futures(100, 101, 101),
        futures(101, 102, 102),
        futures(102, 103, 103),
    ]
    records = map(orjson.loads, run_all(pipeline(), [speak(woven((SPOT, broken), (USDM, sound)))]))
    states = [(record["venue"], record["state"], record["gaps"]) for record in records]

    assert states == [
        ("binance-spot", "live", 0),
        ("binance-usdm", "live", 0),
        ("binance-spot", "resyncing", 1),
        ("binance-usdm", "live", 0),
        ("binance-spot", "resyncing", 1),
        ("binance-usdm", "live", 0),
    ]


def test_what_was_seen_is_no_record_whatever_kind_it_is_of() -> None:
    steps = pipeline()
    told: list[Told] = [
        snapshot(100, BIDS, ASKS), spot(101, 101), quote(7, 1.0, 1.0, 2.0, 1.0), trade(5, 1.0), book(BIDS, ASKS, 9),
        spot(101, 101), quote(7, 1.0, 1.0, 2.0, 1.0), trade(5, 1.0), book(BIDS, ASKS, 8),
    ]  # fmt: skip
    records = run_all(steps, [speak([(SPOT, item) for item in told])])

    assert len(records) == 2
    assert steps.counts.ignored == {"snapshot": 1, "stale": 3, "book_ticker": 2, "trade": 1}
    assert steps.counts.unaccounted() == 0


def test_evidence_is_counted_by_instrument() -> None:
    steps = pipeline()
    first: list[Told] = [
        snapshot(100, BIDS, ASKS), spot(101, 101), quote(101, 99.0, 1.0, 101.0, 2.0), spot(102, 102), spot(103, 103),
        snapshot(103, BIDS, [(101.0, 5.0)]), spot(104, 104),
    ]  # fmt: skip
    second: list[Told] = [
        snapshot(100, BIDS, ASKS), futures(100, 101, 101), quote(101, 98.0, 1.0, 101.0, 2.0), futures(101, 102, 102),
        quote(103, 98.0, 1.0, 101.0, 2.0), snapshot(102, BIDS, ASKS), trade(1, 1.0),
    ]  # fmt: skip
    raw = speak(woven((SPOT, first), (USDM, second)))
    run_all(steps, split(raw, 5))
    found = steps.counts.evidence

    assert found.quote_checks == {USDM: 1}
    assert found.quote_mismatches == {USDM: 1}
    assert found.audits == {SPOT: 1, USDM: 1}
    assert found.audit_match_pct == {SPOT: pytest.approx(100 * 2 / 3), USDM: 100.0}


def test_every_stage_is_timed() -> None:
    steps = pipeline()
    run_all(steps, [speak(woven((SPOT, [book(BIDS, ASKS, 1)])))])

    assert set(steps.counts.seconds) == {"decode", "measure", "encode"}
    assert all(seconds > 0 for seconds in steps.counts.seconds.values())


def test_partition_keys_sort_like_their_numbers() -> None:
    numbers = [0, 2, 10, 99, 100, 99_999]

    assert sorted(map(partition_key, numbers)) == [partition_key(number) for number in numbers]
