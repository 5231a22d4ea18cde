"""Slow, obvious oracles of what a full book is held against: the venue's quotes.

All that was told is kept, and looked at when everything is over.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import count

from orderbook import Quote
from orderbook.quotes import Best, QuoteTally


class Quoted:
    """Quotes and whole books of one instrument, by the stretches between two messages that may have lost quotes."""

    def __init__(self) -> None:
        self.clock = count()
        self.newest = -1
        self.quotes: list[list[tuple[int, Quote]]] = [[]]  # by stretch: when it was told, and what
        self.books: list[list[tuple[int, int, Best]]] = [[]]

    def quote(self, quote: Quote, *, whole: bool) -> None:
        if quote.update_id > self.newest:
            self.newest = quote.update_id
            if whole:
                self.quotes[-1].append((next(self.clock), quote))

    def book(self, update_id: int, best: Best) -> None:
        self.books[-1].append((next(self.clock), update_id, best))

    def forget(self) -> None:
        self.quotes.append([])
        self.books.append([])

    def restart(self) -> None:
        self.newest = -1

    def tally(self) -> QuoteTally:
        """Compare each book with the last quote up to it, if one stood before the book and a later one came."""
        checks = mismatches = 0
        for quotes, books in zip(self.quotes, self.books, strict=True):
            ids = [quote.update_id for _, quote in quotes]
            for told, update_id, best in books:
                at = bisect_right(ids, update_id)
                if quotes and quotes[0][0] < told and 0 < at < len(ids):
                    checks += 1
                    mismatches += quotes[at - 1][1][2:] != best
        return QuoteTally(checks, mismatches)
