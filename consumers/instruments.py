"""What is known of each instrument: its newest record, those before it, and where they break off. Pure but for a lock.

Owns what becomes of a record that comes. ``later`` means later than all that was seen: a higher raw offset, or received
later, than any record of this generation.

    seq                        raw message   becomes
    the next one               not earlier   the newest
    further on                 not earlier   the newest, behind a gap
    the next one, further on   earlier       a new generation if it was received later, else repeated
    seen, or one before        later         the newest, in a new generation
    seen, or one before        not later     repeated: left out

A repeated record is what a second writer or a restart of the reader's connection brings; it is byte for byte the one that
was seen. A generation is new when ``seq`` began again: the job was started anew. What was kept ends at each break, so that no
window reaches over one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from consumers.record_tail import Arrived
from consumers.rows import AT, NewerSchemaError, NoRecordError, Row, row_of

_VENUE, _SYMBOL, _SEQ, _SOURCE, _RECEIVED = (
    AT[name] for name in ("venue", "symbol", "seq", "source", "receive_time_ns")
)
_BREAKS_KEPT: Final = 1000


class Newest(NamedTuple):
    """The newest record of an instrument.

    ``written_ms`` is its Kafka timestamp: when the raw message that caused it was written (ms, not above 0: not known);
    ``arrived_s`` when it came here, on a clock that never goes back.
    """

    row: Row
    written_ms: int
    arrived_s: float


class Break(NamedTuple):
    """Where the records of an instrument break off: after ``after_seq`` came ``next_seq``.

    ``missing`` records lie between; 0 where a new generation began, of which nobody knows what it left out.
    """

    instrument: str
    after_seq: int
    next_seq: int
    missing: int


class AmbiguousSymbolError(ValueError):
    """A symbol alone does not say which instrument is meant."""

    def __init__(self, symbol: str, venues: tuple[str, ...]) -> None:
        super().__init__(f"expected one venue with {symbol}, received records of {' and '.join(venues)}: say venue=")


@dataclass(eq=False)
class Instrument:
    """All that is known of one instrument.

    ``newest`` is replaced as a whole, so that looking needs no lock; ``newer`` says why a record behind it can't be read;
    ``offset`` and ``received_ns`` are the highest of this generation, -1: none.
    """

    name: str
    rows: deque[Row]
    newest: Newest | None = None
    newer: str | None = None
    offset: int = -1
    received_ns: int = -1
    records: int = 0
    repeated: int = 0
    missing: int = 0
    generations: int = 0


class Instruments:
    """What is known of all instruments.

    Args:
        history_size: Records kept of each instrument.

    Attributes:
        breaks: The last 1000 of them, oldest first.
        strange: Messages that are no metric record.
        names: ``venue:SYMBOL`` of all instruments.
    """

    def __init__(self, history_size: int) -> None:
        self._history_size = history_size
        self._by_name: dict[str, Instrument] = {}
        self._by_symbol: dict[str, Instrument | tuple[str, ...]] = {}  # or the venues that have the symbol
        self._lock = Lock()
        self.breaks: deque[Break] = deque(maxlen=_BREAKS_KEPT)
        self.strange = 0

    @property
    def names(self) -> list[str]:
        """``venue:SYMBOL`` of all instruments, sorted."""
        return sorted(self._by_name.copy())

    def find(self, symbol: str, venue: str | None) -> Instrument | None:
        """The instrument of a symbol; without a venue the symbol alone must say which, or be ``venue:SYMBOL``.

        Raises:
            AmbiguousSymbolError: Several venues have the symbol.
        """
        if venue is not None:
            return self._by_name.get(f"{venue}:{symbol}")
        found = self._by_symbol.get(symbol)
        if isinstance(found, tuple):
            raise AmbiguousSymbolError(symbol, found)
        return found if found is not None else self._by_name.get(symbol)

    def rows(self, instrument: Instrument, most: int) -> list[Row]:
        """The last ``most`` records since the last break, oldest first."""
        with self._lock:
            kept = instrument.rows
            return list(kept) if most >= len(kept) else [kept[at] for at in range(-most, 0)]

    def take(self, arrived: Iterable[Arrived], now_s: float) -> tuple[list[Row], NewerSchemaError | None]:
        """Take records in the order of their partitions, come at ``now_s``.

        Returns:
            Those that were not repeated; and the error of the last record with a newer schema, if there is one.
        """
        new: list[Row] = []
        newer: NewerSchemaError | None = None
        for item in arrived:
            row = self._read(item)
            if row is None:
                self.strange += 1
            elif isinstance(row, NewerSchemaError):
                newer = row
            else:
                instrument = self._instrument(row[_VENUE], row[_SYMBOL])
                with self._lock:
                    if self._is_new(instrument, row):
                        instrument.rows.append(row)
                        instrument.records += 1
                        instrument.newer = None
                        instrument.newest = Newest(row, item.timestamp_ms, now_s)
                        new.append(row)
        return new, newer

    def _read(self, item: Arrived) -> Row | NewerSchemaError | None:
        try:
            return row_of(item.record)
        except NoRecordError:
            return None
        except NewerSchemaError as error:
            return self._refuse(item, error)

    def _refuse(self, item: Arrived, error: NewerSchemaError) -> NewerSchemaError:
        """Remember why the newest record of an instrument can't be read."""
        told = f"{error} (partition {item.partition}, offset {item.offset})"
        venue, symbol = item.record.get("venue"), item.record.get("symbol")
        if isinstance(venue, str) and isinstance(symbol, str):
            self._instrument(venue, symbol).newer = told
        return NewerSchemaError(told)

    def _instrument(self, venue: str, symbol: str) -> Instrument:
        name = f"{venue}:{symbol}"
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = Instrument(name, deque(maxlen=self._history_size))
            venues = [name.partition(":")[0] for name in self._by_name if name.partition(":")[2] == symbol]
            self._by_symbol[symbol] = found if len(venues) == 1 else tuple(sorted(venues))
        return found

    def _is_new(self, instrument: Instrument, row: Row) -> bool:
        """Whether a record is not repeated; what breaks off before it is noted (the table above)."""
        source, received_ns, seq = row[_SOURCE], row[_RECEIVED], row[_SEQ]
        offset = source.get("offset") if isinstance(source, dict) else None
        offset = -1 if offset is None else offset
        received_ns = -1 if received_ns is None else received_ns
        if instrument.newest is not None:
            last: int = instrument.newest.row[_SEQ]
            received_later = received_ns > instrument.received_ns
            earlier = 0 <= offset < instrument.offset
            if seq > last and not earlier:
                if seq > last + 1:
                    self._break(instrument, Break(instrument.name, last, seq, seq - last - 1))
            elif received_later or (seq <= last and offset > instrument.offset):
                instrument.generations += 1
                instrument.offset = instrument.received_ns = -1
                self._break(instrument, Break(instrument.name, last, seq, 0))
            else:
                instrument.repeated += 1
                return False
        instrument.offset = max(instrument.offset, offset)
        instrument.received_ns = max(instrument.received_ns, received_ns)
        return True

    def _break(self, instrument: Instrument, found: Break) -> None:
        instrument.missing += found.missing
        instrument.rows.clear()
        self.breaks.append(found)
