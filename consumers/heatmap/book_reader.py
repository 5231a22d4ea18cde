"""Raw messages become books over time: decoded and kept by the code that the job itself uses.

Owns the choice between the two books that an instrument may be told (differences with snapshots, or partial depth): the
full one, once it is whole. An instrument's trades go with both. Needs no broker and no record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.raw import RawBatch
from consumers.heatmap.timeline import Seen, Timeline, Traded
from consumers.witness import TradeSeen, read_testimony
from orderbook.events import Diff, Trade
from orderbook.measurer import Measurer
from orderbook.presets import MeasureConfig
from orderbook.record import RESYNCING
from orderbook.rows import Row


class BookReader:
    """The books of all instruments over time.

    Args:
        decoder: Reads the messages; its ``depth_levels`` should be those of ``levels``.
        levels: Levels of each side to keep.
        timeline: Makes an empty timeline.
        wanted: Tells of an instrument (``venue:SYMBOL``) whether it is wanted; None: all are.

    Attributes:
        heard: All instruments that messages came of, wanted or not.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        levels: int,
        timeline: Callable[[], Timeline],
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        self._decoder = decoder
        self._config = MeasureConfig(depth_levels=levels)
        self._new = timeline
        self._wanted = wanted
        self.heard: set[str] = set()
        self._books: dict[str, _Books] = {}

    def take(self, raw: RawBatch) -> None:
        """Take messages in their order; what can't be used is the job's to tell, it is passed over here."""
        for group in self._decoder.decode(raw).groups:
            self.heard.add(group.instrument)
            if self._wanted is None or self._wanted(group.instrument):
                books = self._books.get(group.instrument)
                if books is None:
                    books = self._books[group.instrument] = _Books(Measurer(self._config), self._new(), self._new())
                books.take(group)

    def forget_columns(self) -> None:
        """Keep the books, forget how they came to be."""
        for books in self._books.values():
            books.full.forget()
            books.partial.forget()

    def instruments(self) -> list[str]:
        """Those that have a book, by name."""
        return sorted(name for name, books in self._books.items() if len(books.shown))

    def timeline(self, instrument: str) -> Timeline | None:
        """The book of an instrument over time; None before its first message."""
        books = self._books.get(instrument)
        return books.shown if books is not None else None

    def is_full(self, instrument: str) -> bool:
        """Whether ``timeline`` is of a book that is kept by differences, so that all its levels are known."""
        books = self._books.get(instrument)
        return books is not None and books.shown is books.full


@dataclass(slots=True)
class _Books:
    """The two books of one instrument, and what they are made with."""

    measurer: Measurer
    full: Timeline
    partial: Timeline
    whole: bool = False
    aggregate: bool | None = None

    @property
    def shown(self) -> Timeline:
        return self.full if self.whole or not len(self.partial) else self.partial

    def take(self, group: Group) -> None:
        measured = self.measurer.feed(group.events, group.levels)
        rows = {row.offset: (at, row) for at, row in enumerate(measured.rows)}
        messages = _messages(group)
        full: list[Seen | Traded] = []
        partial: list[Seen | Traded] = []
        for event in group.events:
            if isinstance(event, Trade):
                trades = self._traded(event, messages[event.offset])
                full += trades
                partial += trades
            elif event.offset in rows:
                at, row = rows[event.offset]
                seen = Seen(_clock_ms(row), row.offset, row.state != RESYNCING, at)
                if isinstance(event, Diff):
                    full.append(seen)
                    self.whole = self.whole or seen.known
                else:
                    partial.append(seen)
        self.full.take(full, measured.books)
        self.partial.take(partial, measured.books)

    def _traded(self, event: Trade, message: bytes | None) -> list[Traded]:
        """The trade with its price, which no metric needs and no event carries."""
        if self.aggregate is None:
            self.aggregate = event.aggregate
        if not event.market or event.aggregate != self.aggregate:
            return []
        _, told = read_testimony(message)
        if not isinstance(told, TradeSeen) or told.price is None:
            return []
        return [Traded(event.clock_ms, told.price, event.quantity)]


def _messages(group: Group) -> dict[int, bytes | None]:
    """The raw messages of the group's partition by offset; those of other partitions may have the same."""
    origin = group.origin
    return {
        offset: value
        for partition, offset, value in zip(origin.partitions, origin.offsets, origin.values, strict=True)
        if partition == group.partition
    }


def _clock_ms(row: Row) -> int:
    """The exchange's clock; where the message tells none (spot partial depth) the receiver's."""
    if row.event_time_ms is not None:
        return row.event_time_ms
    return row.receive_time_ns // 1_000_000 if row.receive_time_ns is not None else row.timestamp_ms
