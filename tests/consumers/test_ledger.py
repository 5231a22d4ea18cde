"""Each raw message has exactly one fate."""

from __future__ import annotations

from consumers.ledger import Ledger
from consumers.witness import UNKNOWN, Depth, Quote, SnapshotSeen, Testimony, TradeSeen

TRADE = TradeSeen(1, 1.0, aggregate=False, market=True)
QUOTE = Quote(1, (1.0, 1.0, 2.0, 1.0))


def test_records_faults_and_what_is_ignored_add_up() -> None:
    ledger = Ledger()
    told: list[Testimony] = [Depth(5), TRADE, QUOTE, SnapshotSeen(4), UNKNOWN, Depth(4)]
    for offset, seen in enumerate(told):
        ledger.raw(0, offset, "v:A", seen)
    ledger.record(0, 0)
    ledger.fault(0, 4, "not_json")

    assert (ledger.messages, ledger.records, ledger.faults) == (6, 1, {"not_json": 1})
    assert ledger.ignored == {"trade": 1, "book_ticker": 1, "snapshot": 1, "stale": 1}
    assert ledger.balanced


def test_a_depth_message_without_an_answer_is_awaited() -> None:
    ledger = Ledger()
    ledger.raw(0, 0, "v:A", Depth(5))

    assert (ledger.awaited, ledger.balanced) == (1, False)


def test_answers_may_come_before_the_message() -> None:
    ledger = Ledger()
    ledger.record(0, 1)

    assert ledger.unread == 1

    ledger.raw(0, 0, "v:A", TRADE)
    ledger.raw(0, 1, "v:A", Depth(5))

    assert ledger.balanced
    assert ledger.records == 1


def test_two_answers_to_one_message_are_told() -> None:
    ledger = Ledger()
    ledger.raw(0, 0, "v:A", Depth(5))
    ledger.record(0, 0)
    ledger.record(0, 0)

    assert (ledger.duplicates, ledger.balanced) == (1, False)


def test_a_fault_on_a_trade_takes_it_from_the_ignored() -> None:
    ledger = Ledger()
    ledger.raw(0, 0, "v:A", TRADE)
    ledger.fault(0, 0, "bad_number")

    assert (ledger.ignored, ledger.balanced) == ({}, True)


def test_messages_that_vanished_before_they_were_read_are_told() -> None:
    ledger = Ledger()
    ledger.raw(0, 10, "v:A", TRADE)
    ledger.raw(0, 13, "v:A", TRADE)

    assert (ledger.unread, ledger.balanced) == (2, False)


def test_the_backlog_ends_where_nothing_is_awaited() -> None:
    ledger = Ledger()
    ledger.raw(0, 0, "v:A", Depth(5))
    ledger.raw(0, 1, "v:A", TRADE)

    assert (ledger.read_to(0), ledger.answered_to(0)) == (2, 0)

    ledger.record(0, 0)

    assert ledger.answered_to(0) == 2


def test_ids_of_different_instruments_do_not_make_each_other_stale() -> None:
    ledger = Ledger()
    ledger.raw(0, 0, "v:A", Depth(5))
    ledger.raw(0, 1, "v:B", Depth(4))

    assert ledger.awaited == 2
