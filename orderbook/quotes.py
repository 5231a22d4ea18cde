"""The venue's own best prices held against a full book: evidence that the book is true.

Owns the quotes (``@bookTicker``) and the books that still wait for each other. They come over different connections, in
any interleaving; a book is compared when it is certain what the venue quoted at its id.

Rule 1: a book at id ``u`` is compared with the last quote whose id is at most ``u``, and only when a quote with a greater
        id has come: no other can come between the two any more.
Rule 2: quotes whose ids do not rise are skipped: two connections may tell the same.
Rule 3: after a snapshot or a break, quotes may be missing; what came before is forgotten, and what is older than the
        first quote that comes now is not compared.
Rule 4: nothing here changes a record. The two tallies are counted since they were last taken, and are no part of a state.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple, TypeAlias

from orderbook.codec import Reader, Writer
from orderbook.events import Quote

MAX_QUOTES: Final = 1_000
"""Quotes that wait for a book; the oldest are dropped first, and books that would need them are not compared."""

MAX_BOOKS: Final = 64
"""Books that wait for a quote; the oldest are dropped first."""

_NOTHING_WAITS: Final = bytes(4 * 4)
"""What is written of no quotes and no books: four lists of no numbers."""

Best: TypeAlias = tuple[float, float, float, float]
"""Bid, its quantity, ask, its quantity; an empty side is 0.0, 0.0."""


class QuoteTally(NamedTuple):
    """Books that were compared with a quote, and those of them that differ in a best price or quantity."""

    checks: int = 0
    mismatches: int = 0


class QuoteCheck:
    """Quotes and books of one instrument."""

    __slots__ = ("_books", "_checks", "_mismatches", "_newest", "_quotes")

    def __init__(self) -> None:
        self._newest = -1
        self._quotes: deque[Quote] = deque(maxlen=MAX_QUOTES)
        self._books: deque[tuple[int, Best]] = deque(maxlen=MAX_BOOKS)
        self._checks = 0
        self._mismatches = 0

    def quote(self, quote: Quote, *, wanted: bool) -> None:
        """Take a quote; keep it if it is ``wanted``: no book that is not whole will ask for one."""
        if quote.update_id <= self._newest:
            return
        self._newest = quote.update_id
        if not wanted:
            return
        self._quotes.append(quote)
        while self._books and self._books[0][0] < quote.update_id:
            self._compare(*self._books.popleft())

    def book(self, update_id: int, best: Best) -> None:
        """Take the best prices of a book; the ids of books rise."""
        if not self._quotes:
            return  # nothing was quoted yet
        if update_id < self._newest:
            self._compare(update_id, best)
        else:
            self._books.append((update_id, best))

    def forget(self) -> None:
        """Quotes may have been lost from here on (rule 3)."""
        self._quotes.clear()
        self._books.clear()

    def restart(self) -> None:
        """The venue began its ids anew."""
        self.forget()
        self._newest = -1

    def take(self) -> QuoteTally:
        """What was counted since the last time."""
        tally = QuoteTally(self._checks, self._mismatches)
        self._checks = self._mismatches = 0
        return tally

    def _compare(self, update_id: int, best: Best) -> None:
        """Compare, and drop the quotes that no later book needs."""
        quotes = self._quotes
        if quotes[0].update_id > update_id:
            return
        while len(quotes) > 1 and quotes[1].update_id <= update_id:
            quotes.popleft()
        self._checks += 1
        self._mismatches += best != quotes[0][2:]

    def write(self, out: Writer) -> None:
        """Append what waits to a state."""
        quotes, books = self._quotes, self._books
        out.put_int(self._newest)
        if not quotes and not books:
            out.put_written(_NOTHING_WAITS)  # many feeds tell no quotes
            return
        out.put_integers([quote.update_id for quote in quotes])
        out.put_floats([number for quote in quotes for number in quote[2:]])
        out.put_integers([update_id for update_id, _ in books])
        out.put_floats([number for _, best in books for number in best])

    def read(self, state: Reader) -> None:
        """Become what ``write`` wrote."""
        self._newest = state.take_int()
        ids = state.take_integers()
        self._quotes.extend(Quote(0, update_id, *best) for update_id, best in zip(ids, _fours(state), strict=True))
        ids = state.take_integers()
        self._books.extend(zip(ids, _fours(state), strict=True))


def _fours(state: Reader) -> list[Best]:
    numbers = iter(state.take_floats())
    return list(zip(numbers, numbers, numbers, numbers, strict=True))
