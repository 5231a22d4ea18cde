"""Records are kept once, in their order, and what breaks off between them is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.instruments import AmbiguousSymbolError, Break, Instruments
from consumers.rows import AT, NewerSchemaError
from orderbook.record import SCHEMA
from tests.consumers.records import INSTRUMENT, SYMBOL, VENUE, arrived, made

SEQ = AT["seq"]


def taken(instruments: Instruments, *records: dict[str, Any], now_s: float = 0.0) -> list[int]:
    """Numbers of the records that were not left out."""
    return [row[SEQ] for row in instruments.take(arrived(*records), now_s)[0]]


def kept(instruments: Instruments, most: int = 1000, symbol: str = SYMBOL) -> list[int]:
    found = instruments.find(symbol, None)
    assert found is not None
    return [row[SEQ] for row in instruments.rows(found, most)]


def test_the_newest_is_known_with_its_times() -> None:
    instruments = Instruments(10)
    instruments.take(arrived(made(1), made(2), written_ms=7_000), 5.0)
    found = instruments.find(SYMBOL, VENUE)

    assert found is instruments.find(SYMBOL, None) is instruments.find(INSTRUMENT, None)
    assert found is not None
    assert found.newest is not None
    assert (found.newest.row[SEQ], found.newest.written_ms, found.newest.arrived_s) == (2, 7_000, 5.0)
    assert instruments.names == [INSTRUMENT]


def test_so_many_are_kept_and_no_more() -> None:
    instruments = Instruments(3)

    assert taken(instruments, *(made(seq) for seq in range(1, 6))) == [1, 2, 3, 4, 5]
    assert kept(instruments) == [3, 4, 5]
    assert kept(instruments, 2) == [4, 5]


def test_what_was_seen_is_left_out() -> None:
    instruments = Instruments(10)

    assert taken(instruments, made(1), made(2), made(3), made(2), made(3), made(4), made(1)) == [1, 2, 3, 4]
    assert kept(instruments) == [1, 2, 3, 4]
    assert instruments.find(SYMBOL, None).repeated == 3  # type: ignore[union-attr]
    assert not instruments.breaks


def test_a_gap_is_told_and_nothing_reaches_over_it() -> None:
    instruments = Instruments(10)

    assert taken(instruments, made(1), made(2), made(7), made(8)) == [1, 2, 7, 8]
    assert list(instruments.breaks) == [Break(INSTRUMENT, 2, 7, 4)]
    assert kept(instruments) == [7, 8]
    assert instruments.find(SYMBOL, None).missing == 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "again",
    [
        pytest.param({"offset": 500, "received_ns": 10**12}, id="behind the old messages"),
        pytest.param({"offset": 0, "received_ns": 10**12}, id="in a raw topic that was made anew"),
        pytest.param({"offset": 500, "received_ns": 0}, id="behind the old messages, with a clock that went back"),
    ],
)
@pytest.mark.parametrize("seq", [1, 9])
def test_a_generation_that_starts_anew_is_taken(again: dict[str, int], seq: int) -> None:
    instruments = Instruments(20)
    taken(instruments, *(made(number) for number in range(1, 10)))

    assert taken(instruments, made(seq, **again), made(seq + 1, offset=501, received_ns=10**12 + 1)) == [seq, seq + 1]
    assert list(instruments.breaks) == [Break(INSTRUMENT, 9, seq, 0)]
    assert kept(instruments) == [seq, seq + 1]
    assert taken(instruments, made(9)) == []


def test_old_messages_measured_again_are_left_out_until_they_are_new() -> None:
    """A job that was started anew at the beginning of the raw topic, and counts otherwise."""
    instruments = Instruments(20)
    taken(instruments, made(1, offset=100, received_ns=100), made(2, offset=115, received_ns=115))
    again = [made(seq, offset=10 * seq, received_ns=10 * seq) for seq in range(1, 14)]

    assert taken(instruments, *again) == [12, 13]


def test_a_record_without_a_source_goes_by_its_seq() -> None:
    instruments = Instruments(20)
    bare = [made(seq, source=None, receive_time_ns=None) for seq in (1, 2, 2, 1, 3)]

    assert taken(instruments, *bare) == [1, 2, 3]


def test_two_venues_must_be_told_apart() -> None:
    instruments = Instruments(10)
    taken(instruments, made(1), made(1, venue="binance-spot"))

    with pytest.raises(AmbiguousSymbolError, match="records of binance-spot and binance-usdm: say venue="):
        instruments.find(SYMBOL, None)
    assert instruments.find(SYMBOL, "binance-spot") is instruments.find("binance-spot:BTCUSDT", None)
    assert instruments.find(SYMBOL, "binance-coinm") is None


def test_a_newer_schema_is_held_against_its_instrument_until_one_comes_that_is_known() -> None:
    instruments = Instruments(10)
    rows, error = instruments.take(arrived(made(1), made(2, schema=SCHEMA + 1), made(1, symbol="ETHUSDT")), 0.0)

    assert [row[SEQ] for row in rows] == [1, 1]
    assert isinstance(error, NewerSchemaError)
    assert instruments.find(SYMBOL, None).newer == str(error)  # type: ignore[union-attr]
    assert "(partition 0, offset 1)" in str(error)
    assert instruments.find("ETHUSDT", None).newer is None  # type: ignore[union-attr]

    taken(instruments, made(2))

    assert instruments.find(SYMBOL, None).newer is None  # type: ignore[union-attr]


def test_what_is_no_record_is_counted() -> None:
    instruments = Instruments(10)

    assert taken(instruments, {"seq": 5}, made(1)) == [1]
    assert instruments.strange == 1


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 3)), max_size=40), st.data())
def test_how_the_records_are_cut_into_batches_changes_nothing(
    told: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    records = [made(seq, offset=offset, received_ns=received) for seq, offset, received in told]
    whole, cut = Instruments(5), Instruments(5)
    expected = taken(whole, *records)
    at = data.draw(st.integers(0, len(records)))

    assert taken(cut, *records[:at]) + taken(cut, *records[at:]) == expected
    assert cut.breaks == whole.breaks


@given(st.integers(1, 30), st.integers(1, 30), st.lists(st.integers(1, 30), max_size=5))
def test_copies_anywhere_leave_the_stream_as_it_is(first: int, count: int, repeats: list[int]) -> None:
    """A second writer's copies, a reader that begins in the middle: each record once, no break."""
    stream = [made(seq) for seq in range(first, first + count)]
    told = list(stream)
    for back in repeats:
        at = min(back, len(stream))
        told += stream[-at:]
    instruments = Instruments(100)

    assert taken(instruments, *told, made(first + count)) == list(range(first, first + count + 1))
    assert not instruments.breaks
