"""The audit: which comparisons it makes, that it is exact, and that the order of arrival does not matter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.audit import Audit
from consumers.audits import Audits, instrument_of
from consumers.witness import UNKNOWN, Depth, Quote, TradeSeen

BEST = (10.0, 1.0, 11.0, 2.0)


def quote(update_id: int, best: tuple[float, float, float, float] = BEST) -> Quote:
    return Quote(update_id, best)


def trade(trade_id: int, quantity: float, *, aggregate: bool = False, market: bool = True) -> TradeSeen:
    return TradeSeen(trade_id, quantity, aggregate, market)


def record(seq: int, update_id: int | None = 5, *, state: str = "live", delta: float | None = None) -> dict[str, Any]:
    names = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
    return {
        "seq": seq,
        "update_id": update_id,
        "state": state,
        "trade_delta": delta,
        **dict(zip(names, BEST, strict=True)),
    }


def test_a_record_is_held_against_the_last_quote_up_to_its_id() -> None:
    audit = Audit(10)
    audit.raw(0, quote(3, (1.0, 1.0, 2.0, 1.0)))
    audit.raw(1, quote(5))
    audit.raw(2, Depth(5))
    audit.record(2, record(1, 5))

    assert audit.quotes.total() == 0, "a later quote with the same or a smaller id may still come"

    audit.raw(3, quote(6, (9.0, 1.0, 12.0, 1.0)))

    assert audit.quotes == {"equal": 1}


def test_a_quote_that_comes_after_the_record_counts_when_its_id_is_not_larger() -> None:
    audit = Audit(10)
    audit.raw(0, Depth(5))
    audit.record(0, record(1, 5))
    audit.raw(1, quote(4))
    audit.raw(2, quote(8, (9.0, 1.0, 12.0, 1.0)))

    assert audit.quotes == {"equal": 1}


@pytest.mark.parametrize("state", ["live", "thin"])
@pytest.mark.parametrize("which", range(4))
def test_each_price_and_each_quantity_must_be_equal(which: int, state: str) -> None:
    other = list(BEST)
    other[which] += 1e-9
    audit = Audit(10)
    audit.raw(0, Quote(5, (other[0], other[1], other[2], other[3])))
    audit.record(0, record(1, 5, state=state))
    audit.finish()

    assert audit.quotes == {"unequal": 1}
    assert "best bid and ask" in str(audit.differences[0])


def test_what_is_not_compared_is_counted_by_reason() -> None:
    audit = Audit(10)
    audit.raw(0, quote(7))
    for seq, (update_id, state) in enumerate([(5, "live"), (8, "resyncing"), (9, "crossed"), (None, "live")]):
        audit.record(0, record(seq, update_id, state=state))
    audit.finish()

    assert audit.quotes.total() == 0
    assert audit.skipped == {"no_quote": 2, "resyncing": 1, "crossed": 1}


def test_trade_delta_is_the_trades_before_the_message_in_the_window() -> None:
    audit = Audit(2)
    audit.raw(0, Depth(1))
    audit.record(0, record(1, 1, delta=None))
    for position, quantity in ((1, 1.0), (2, -4.0), (3, 2.0)):
        audit.raw(position, trade(position, quantity))
    audit.raw(4, Depth(2))
    audit.raw(5, trade(9, 100.0))
    audit.record(4, record(2, 2, delta=-2.0))

    assert audit.trades == {"equal": 2}


def test_a_record_waits_for_the_trades_before_it() -> None:
    audit = Audit(10)
    audit.record(1, record(1, 1, delta=3.0))

    assert audit.trades.total() == 0

    audit.raw(0, trade(1, 3.0))
    audit.raw(1, Depth(1))

    assert audit.trades == {"equal": 1}


def test_the_other_kind_old_ids_and_trades_outside_the_market_do_not_count() -> None:
    audit = Audit(10)
    for position, seen in enumerate(
        [trade(5, 1.0), trade(5, 1.0), trade(4, 1.0), trade(6, 7.0, market=False), trade(7, 1.0, aggregate=True)]
    ):
        audit.raw(position, seen)
    audit.raw(9, Depth(1))
    audit.record(9, record(1, 1, delta=1.0))

    assert audit.trades == {"equal": 1}


def test_a_wrong_trade_delta_is_told_with_both_values() -> None:
    audit = Audit(10)
    audit.raw(0, Depth(1))
    audit.record(0, record(7, 1, delta=0.0))

    assert [str(difference) for difference in audit.differences] == [
        "record seq 7: expected trade_delta None, received 0.0"
    ]


@given(st.data())
def test_any_interleaving_of_messages_and_records_gives_the_same_counts(data: st.DataObject) -> None:
    raws: list[Any] = []
    records: list[tuple[int, dict[str, Any]]] = []
    total = 0.0
    for position in range(40):
        kind = data.draw(st.sampled_from(["quote", "trade", "depth"]))
        if kind == "quote":
            raws.append(quote(position, (float(position), 1.0, position + 1.0, 1.0)))
        elif kind == "trade":
            raws.append(trade(position, float(position)))
            total += position
        else:
            raws.append(Depth(position))
            records.append((position, record(len(records), position, delta=total or None)))
    whole = Audit(100)
    for position, seen in enumerate(raws):
        whole.raw(position, seen)
    for position, made in records:
        whole.record(position, made)
    whole.finish()
    mixed, left = Audit(100), list(records)
    for position, seen in enumerate(raws):
        for _ in range(data.draw(st.integers(0, len(left)))):
            mixed.record(*left.pop(0))
        mixed.raw(position, seen)
    for position, made in left:
        mixed.record(position, made)
    mixed.finish()

    assert (mixed.quotes, mixed.trades, mixed.skipped) == (whole.quotes, whole.trades, whole.skipped)


def test_an_instrument_is_the_keys_venue_and_the_streams_symbol() -> None:
    assert instrument_of(b"binance-usdm:BTCUSDT", "BTCUSDT") == "binance-usdm:BTCUSDT"
    assert instrument_of(b"binance-usdm:BTCUSDT", "") == "binance-usdm:BTCUSDT"
    assert instrument_of(None, "BTCUSDT") == ""


def test_audits_tell_one_line_an_instrument_and_sum_up() -> None:
    audits = Audits(10)
    audits.testimony("v:A", 0, quote(5))
    audits.testimony("", 1, UNKNOWN)
    audits.record(0, {**record(1, 5), "venue": "v", "symbol": "A"})
    audits.finish()

    assert list(audits.lines()) == ["v:A  best bid and ask = bookTicker 1/1  trade_delta = trades 1/1"]
    assert (audits.quotes, audits.trades, audits.differs) == ({"equal": 1}, {"equal": 1}, False)


def test_after_a_restart_of_the_ids_quotes_before_and_after_it_are_kept_apart() -> None:
    other = (20.0, 1.0, 21.0, 2.0)
    audit = Audit(10)
    audit.raw(0, Quote(100, BEST, clock_ms=0))
    audit.raw(1, Depth(101))
    audit.record(1, record(1, 101))
    audit.raw(2, Depth(102))
    audit.raw(3, Quote(5, other, clock_ms=60_001))
    audit.raw(4, Depth(6))
    audit.record(2, record(2, 102))
    audit.record(4, {**record(3, 6), "best_bid": 20.0, "best_ask": 21.0, "best_bid_quantity": 1.0})
    audit.finish()

    assert audit.quotes == {"equal": 3}


def test_a_quote_that_goes_back_within_a_minute_is_a_repetition() -> None:
    audit = Audit(10)
    audit.raw(0, Quote(5, BEST, clock_ms=0))
    audit.raw(1, Quote(4, (1.0, 1.0, 2.0, 2.0), clock_ms=60_000))
    audit.raw(2, Depth(5))
    audit.record(2, record(1, 5))
    audit.finish()

    assert audit.quotes == {"equal": 1}


def test_trade_ids_that_start_again_a_minute_later_count() -> None:
    audit = Audit(10)
    audit.raw(0, TradeSeen(9, 1.0, aggregate=False, market=True, clock_ms=0))
    audit.raw(1, TradeSeen(1, 1.0, aggregate=False, market=True, clock_ms=60_001))
    audit.raw(2, Depth(1))
    audit.record(2, record(1, 1, delta=2.0))

    assert audit.trades == {"equal": 1}
