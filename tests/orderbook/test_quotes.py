"""Full books against the venue's own best prices: when a book is compared, and with which quote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.audit import MAX_RECENT
from orderbook.quotes import MAX_BOOKS, MAX_QUOTES, QuoteTally
from tests.orderbook.feeds import Run, Told, book, quote, snapshot, spot
from tests.orderbook.test_histories import told_by_recording
from tests.strategies import DIFFS, QUOTES, SNAPSHOTS, told

BIDS, ASKS = [(99.0, 1.0)], [(101.0, 2.0)]
TRUE = (99.0, 1.0, 101.0, 2.0)
WRONG = (99.0, 1.0, 101.0, 3.0)


def live(*, ids: int = 100) -> Run:
    """A run whose book is live at ``ids``."""
    run = Run()
    assert run.states(snapshot(ids - 1, BIDS, ASKS), spot(ids, ids)) == ["snapshot", "live"]
    return run


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([quote(100, *TRUE)], (0, 0), id="nothing to compare yet"),
        pytest.param([quote(100, *TRUE), spot(101, 102)], (0, 0), id="a quote of 102 may still come"),
        pytest.param([quote(100, *TRUE), spot(101, 102), quote(102, *WRONG)], (0, 0), id="and another of 102, for all we know"),
        pytest.param([quote(100, *TRUE), spot(101, 102), quote(103, *WRONG)], (1, 0), id="now the one of 100 was the last"),
        pytest.param([quote(101, *WRONG), quote(102, *TRUE), quote(103, *WRONG), spot(101, 102)], (1, 0), id="quotes first"),
        pytest.param([quote(100, *WRONG), quote(103, *TRUE), spot(101, 102)], (1, 1), id="a quantity differs"),
        pytest.param([quote(100, 99.0, 1.0, 100.5, 2.0), quote(103, *TRUE), spot(101, 102)], (1, 1), id="a price differs"),
        pytest.param([quote(103, *WRONG), spot(101, 102), quote(104, *WRONG)], (0, 0), id="nothing is known of 102"),
        pytest.param([quote(100, *TRUE), quote(100, *WRONG), quote(99, *WRONG), quote(104, *TRUE), spot(101, 103)], (1, 0), id="told twice"),
        pytest.param([quote(100, *TRUE), snapshot(100, BIDS, ASKS), spot(101, 103), quote(104, *TRUE)], (0, 0), id="forgotten with a snapshot"),
        pytest.param([quote(100, *TRUE), spot(101, 103), snapshot(100, BIDS, ASKS), quote(104, *WRONG)], (0, 0), id="books as well"),
        pytest.param([quote(100, *TRUE), spot(105, 106), snapshot(106, BIDS, ASKS), spot(107, 108), quote(109, *TRUE)], (0, 0), id="forgotten with a break"),
        pytest.param([quote(100, *TRUE), spot(101, 102, [(102.0, 1.0)]), quote(104, *TRUE)], (0, 0), id="a crossed book is not compared"),
        pytest.param([quote(100, *TRUE), spot(101, 102, [(99.0, 0.0)]), quote(104, *TRUE)], (0, 0), id="nor one with one side"),
    ],
)  # fmt: skip
def test_a_book_is_compared_with_the_last_quote_up_to_it(messages: list[Told], expected: tuple[int, int]) -> None:
    run = live()
    run.feed(*messages)

    assert run.quotes == expected


def test_a_quote_is_ignored_and_counted_once_whatever_it_is_good_for() -> None:
    run = live()
    run.feed(quote(100, *TRUE), quote(100, *TRUE), quote(90, *TRUE))
    no_full_book = Run()
    no_full_book.feed(book(BIDS, ASKS, 5), quote(100, *TRUE))

    assert run.ignored["book_ticker"] == 3
    assert (no_full_book.ignored["book_ticker"], no_full_book.quotes) == (1, QuoteTally())


def test_what_is_ignored_while_the_book_waits_still_tells_old_quotes_from_new_ones() -> None:
    run = Run()
    run.feed(snapshot(99, BIDS, ASKS), quote(100, *TRUE), quote(102, *TRUE), spot(100, 100))
    run.feed(quote(101, *WRONG), quote(103, *TRUE), spot(101, 102), quote(105, *TRUE))

    assert run.quotes == (0, 0)


def test_quotes_of_a_restarted_venue_count_again() -> None:
    run = live()
    run.feed(quote(100, *TRUE), spot(1, 5, ms=60_002), snapshot(5, BIDS, ASKS), spot(6, 7, ms=60_003))
    run.feed(quote(7, *TRUE), spot(8, 9, ms=60_004), quote(10, *TRUE))

    assert run.quotes == (1, 0)


def test_quotes_without_books_and_books_without_quotes_do_not_pile_up() -> None:
    quoted, booked = live(), live()
    for run in (quoted, booked):  # as many differences as are kept for an audit
        run.feed(*(spot(n, n) for n in range(101, 101 + MAX_RECENT)))
    first = 101 + MAX_RECENT
    plain = len(quoted.measurer.state())

    quoted.feed(*(quote(n, *TRUE) for n in range(first, first + 10 * MAX_QUOTES)))
    booked.feed(quote(first - 1, *TRUE), *(spot(n, n) for n in range(first, first + 10 * MAX_BOOKS)))

    assert len(quoted.measurer.state()) - plain < 42 * MAX_QUOTES
    assert len(booked.measurer.state()) - plain < 42 * MAX_BOOKS + 60
    assert quoted.feed(spot(first, first + 99)) != []
    assert quoted.quotes == (0, 0)  # the quote of that id was dropped
    booked.feed(quote(10_000, *TRUE))
    assert booked.quotes == (MAX_BOOKS, 0)


@settings(max_examples=60)
@given(st.data(), st.booleans())
def test_quotes_of_the_true_book_never_differ(data: st.DataObject, is_futures: bool) -> None:
    run = Run()
    run.feed(*data.draw(told(*DIFFS, *SNAPSHOTS, *QUOTES, "lost", "again", "overtaken", futures=is_futures)))

    assert run.quotes.mismatches == 0


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("file", "checks"),
    [
        ("sample/spot_btcusdt_20240808T235414Z_60s.gz", 607),
        ("sample/spot_ethusdt_20240808T235414Z_60s.gz", 605),
        ("sample/usdm_btcusdt_20240808T235414Z_60s.gz", 1143),
        ("sample/usdm_ethusdt_20240808T235414Z_60s.gz", 1146),
    ],
)
def test_all_comparisons_of_a_recorded_market_agree(recordings: Path, file: str, checks: int) -> None:
    """Of the live books, the first (USD-M) has had no quote yet, and after the last one (all but USD-M BTC) none comes."""
    [messages] = told_by_recording(recordings / file).values()
    run = Run()
    run.feed(*messages)

    assert run.quotes == (checks, 0)
