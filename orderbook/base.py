"""What a state of a full book is relative to: its levels as they were written down as a whole, a while ago.

A book has thousands of levels, of which few change in a second. Owns the base (all levels, now and then) and what a state
says of the book: what was told since then (``orderbook.told``), or all levels where there is no base.

Rule 1: a base holds for as long as levels change only by what is told. A snapshot that replaces them, an audit that
        repairs some, or a cut at the far end ends it; so does too much that was told since.
Rule 2: a state that is relative to a base is followed by that base, byte after byte; together they are a whole state.
"""

from __future__ import annotations

from typing import Final

from orderbook.audit import BookAuditor
from orderbook.book import Book
from orderbook.codec import Reader, StateError, Writer
from orderbook.told import Entries, read_told

MAX_TOLD: Final = 20_000
"""Prices told since the base: a state that is as long as the book serves nobody."""


class Base:
    """The base of one book's states; numbers are those of ``orderbook.told``."""

    __slots__ = ("_book", "_number", "_rebuilt", "_taken")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._number: int | None = None  # of the last difference in it
        self._rebuilt = 0
        self._taken = 0  # which base it is

    @property
    def number(self) -> int | None:
        """Of the last difference before it was taken (-1: an old one, after a restart); None: there is no base."""
        return self._number if self._rebuilt == self._book.rebuilt else None

    def take(self, out: Writer, audits: BookAuditor) -> None:
        """Write all levels as they are now, and what was told and audits need: the base from now on."""
        told, oldest = audits.told, audits.oldest
        self._number, self._rebuilt, self._taken = told.number, self._book.rebuilt, self._taken + 1
        out.put_int(self._taken, told.number - oldest + 1)
        told.write(out, oldest, oldest)
        self._book.bids.write_levels(out)
        self._book.asks.write_levels(out)

    def forget_told(self, audits: BookAuditor) -> None:
        """Let go of what was told and is not needed; of the base, too, if too much was told since."""
        told, number = audits.told, self.number
        told.forget(audits.oldest if number is None else min(audits.oldest, number + 1))
        if len(told.bids) + len(told.asks) > MAX_TOLD:
            self._number = None
            told.forget(audits.oldest)

    def write(self, out: Writer, audits: BookAuditor, *, whole: bool) -> None:
        """Append the book's levels, or what they are relative to, and what was told."""
        number, oldest = self.number, audits.oldest
        if whole or number is None:
            out.put_int(None)
            audits.write(out, oldest)
            self._book.bids.write_levels(out)
            self._book.asks.write_levels(out)
        else:
            out.put_int(max(number - oldest + 1, -1), self._taken)
            audits.write(out, number + 1)

    def read(self, state: Reader, audits: BookAuditor) -> None:
        """Read what ``write`` wrote, and the base behind it, into book and auditor."""
        number = state.take_optional_int()
        if number is not None:
            self._taken = state.take_int()
        told = audits.read(state)
        bids, asks = dict[float, float](), dict[float, float]()
        if number is None:
            audits.told.fill(told)
        else:
            audits.told.fill(self._read_head(state, number), told)
            bids, asks = audits.told.bids.since(number + 1), audits.told.asks.since(number + 1)
        self._book.bids.read_levels(state, bids)
        self._book.asks.read_levels(state, asks)
        self._number, self._rebuilt = number, self._book.rebuilt

    def _read_head(self, state: Reader, number: int) -> tuple[Entries, Entries]:
        """The first bytes of a base: what was told up to its last difference, which has this number now."""
        state.take_tag()
        taken = state.take_int()
        if taken != self._taken:
            raise StateError(
                f"expected the base {self._taken} of a full book behind its state, received the base {taken}"
            )
        later = number - state.take_int()  # numbers are so much higher now; what is below 1 is older than audits need
        bids, asks = (
            [(price, quantity, mark + later) for price, quantity, mark in side if mark + later >= 1]
            for side in read_told(state)
        )
        return bids, asks
