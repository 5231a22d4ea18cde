"""The true book against a plain dict, change by change."""

from __future__ import annotations

from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from simulator.book import Book


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 3))))
def test_a_book_is_a_sorted_dict_with_an_id_per_change(changes: list[tuple[bool, int, int]]) -> None:
    book = Book(100, repeat(3))
    plain: dict[bool, dict[int, int]] = {True: {}, False: {}}

    for is_bid, price, lots in changes:
        book.put(book.bids if is_bid else book.asks, price if is_bid else -price, lots)
        plain[is_bid].pop(price, None)
        if lots:
            plain[is_bid][price] = lots

    assert book.update_id == 100 + 3 * len(changes)
    assert book.bids.top(30) == sorted(plain[True].items(), reverse=True)
    assert book.asks.top(30) == sorted(plain[False].items())
    assert book.first_changed_id == (103 if changes else 0)
    assert book.drain() == tuple(sorted({p for b, p, _ in changes if b is side}) for side in (True, False))
    assert book.drain() == ([], [])


def test_the_best_level_and_the_spread() -> None:
    book = Book(0, repeat(1))
    for price in (5, 9, 7):
        book.put(book.bids, price, price)
        book.put(book.asks, -price - 10, price)

    assert book.bids.best() == (9, 9)
    assert book.asks.best() == (15, 5)
    assert book.spread_ticks() == 6
