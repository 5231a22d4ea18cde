"""What an engine may ask about an instrument: its features, and why there are none.

Owns trust: a record counts while it is fresh, its book in a trusted state, and its schema one that is known. Nothing here
waits, and nothing reads a topic. Clocks are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from consumers.instruments import Break, Instrument, Instruments, Newest
from consumers.metric_record import MetricRecord
from consumers.rows import AT, FEATURES, NewerSchemaError, places_of, record_of, take
from orderbook.record import STATES

AgeBy: TypeAlias = Literal["kafka", "receive"]
AGES: Final[tuple[AgeBy, ...]] = ("kafka", "receive")

_STATE, _RECEIVED, _SEQ = AT["state"], AT["receive_time_ns"], AT["seq"]
_SHOWN: Final = 8
_NAN: Final = float("nan")


class Reading(Protocol):
    """How the reading of the topic goes."""

    @property
    def trouble(self) -> str | None:
        """Why nothing comes at the moment; None while all is well."""

    @property
    def strange(self) -> int:
        """Messages that are no records at all."""

    def check(self) -> None:
        """Raise what ended the reading for good, if anything did."""


class Window(NamedTuple):
    """The last records of an instrument as numbers, for models of sequences.

    ``names`` has one name a column; ``values`` is float64, shape (n, len(names)), oldest first, NaN: not defined.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Status:
    """How an instrument is doing.

    Attributes:
        instrument: ``venue:SYMBOL``.
        seq: Of the newest record.
        state: Of its book.
        age_s: How old it is, s.
        records: Taken in since the reader began.
        repeated: Left out, because they had been seen.
        missing: Between records, told by ``seq``.
        generations: Times that ``seq`` began again.
    """

    instrument: str
    seq: int
    state: str | None
    age_s: float
    records: int
    repeated: int
    missing: int
    generations: int


@dataclass(frozen=True)
class Trust:
    """When a record counts.

    Raises:
        ValueError: A value outside of its limits.
    """

    max_age_s: float = 2.0
    trusted_states: Collection[str] = ("live",)
    age_by: AgeBy = "kafka"

    def __post_init__(self) -> None:
        if not self.max_age_s > 0.0:
            raise ValueError(f"max_age_s: expected more than 0, received {self.max_age_s}")
        if isinstance(self.trusted_states, str) or not set(self.trusted_states) <= set(STATES):
            raise ValueError(
                f"trusted_states: expected a collection of {', '.join(STATES)}; received {self.trusted_states!r}"
            )
        if self.age_by not in AGES:
            raise ValueError(f"age_by: expected one of {', '.join(AGES)}; received {self.age_by!r}")


class Lookup:
    """Answers about instruments, each from what is known this moment. Safe to ask from any thread.

    A symbol may come with its venue beside it or before it (``binance-usdm:BTCUSDT``). All questions raise
    ``AmbiguousSymbolError`` for a symbol of several venues, and ``NewerSchemaError`` while the newest record of the instrument
    is of a newer schema.

    Args:
        instruments: What is known.
        reading: How it comes to be known.
        trust: When a record counts.
        features: Names that ``features`` gives.
        history_size: Records that are kept of each instrument.
        topic: For messages.
        monotonic: A clock that never goes back, s.
        wall: The time of day, s since 1970.
    """

    def __init__(
        self,
        instruments: Instruments,
        reading: Reading,
        trust: Trust,
        *,
        features: Iterable[str],
        history_size: int,
        topic: str,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._instruments = instruments
        self._reading = reading
        self._max_age_s = trust.max_age_s
        self._trusted = frozenset(trust.trusted_states)
        self._by_receive = trust.age_by == "receive"
        self._names = tuple(features)
        self._places = tuple(zip(self._names, places_of(self._names), strict=True))
        self._history_size = history_size
        self._topic = topic
        self._monotonic = monotonic
        self._wall = wall

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names that ``features`` gives."""
        return self._names

    def features(self, symbol: str, venue: str | None = None) -> dict[str, float] | None:
        """The features of an instrument by name; None while they can't be trusted (``why_missing`` says why)."""
        found = self._find(symbol, venue)
        newest = found.newest if found is not None else None
        if newest is None or not self._trusts(newest):
            return None
        row = newest.row
        return {name: _NAN if (value := row[at]) is None else value for name, at in self._places}

    def latest(self, symbol: str, venue: str | None = None) -> MetricRecord | None:
        """The newest record, however old and in whatever state; None while none is known."""
        found = self._find(symbol, venue)
        return record_of(found.newest.row) if found is not None and found.newest is not None else None

    def history(self, symbol: str, venue: str | None = None, *, most: int | None = None) -> list[MetricRecord]:
        """The last records since the last break, oldest first, at most ``history_size``."""
        found = self._find(symbol, venue)
        if found is None:
            return []
        return [record_of(row) for row in self._instruments.rows(found, self._history_size if most is None else most)]

    def window(
        self, symbol: str, n: int, venue: str | None = None, *, names: Iterable[str] = FEATURES
    ) -> Window | None:
        """The last ``n`` records as an array, without a break among them; None under the same conditions as ``features``.

        Records in the middle may be of any state: what is not defined in them is NaN.

        Raises:
            ValueError: ``n`` is not 1 .. ``history_size``, or a name is no feature.
        """
        if not 1 <= n <= self._history_size:
            raise ValueError(f"n: expected 1 .. {self._history_size} (history_size), received {n}")
        names = tuple(names)
        places = places_of(names)
        found = self._find(symbol, venue)
        if found is None or found.newest is None or not self._trusts(found.newest):
            return None
        rows = self._instruments.rows(found, n)
        if len(rows) < n:
            return None
        return Window(names, np.array([take(row, places) for row in rows], np.float64).reshape(n, len(names)))

    def why_missing(self, symbol: str, venue: str | None = None, *, n: int = 1) -> str | None:
        """Why ``features`` (or a ``window`` of ``n``) is None now; None when it is not."""
        found = self._find(symbol, venue)
        trouble = self._reading.trouble
        behind = f"; {trouble}" if trouble is not None else ""
        if found is None or found.newest is None:
            return f"{self._unknown(symbol, venue)}{behind}"
        age_s = self._age_s(found.newest)
        if age_s > self._max_age_s:
            return f"the newest record of {found.name} is {age_s:.1f} s old, {self._max_age_s:g} s are allowed{behind}"
        state = found.newest.row[_STATE]
        if state not in self._trusted:
            return f"the book of {found.name} is {state}, trusted is {' or '.join(sorted(self._trusted))}"
        known = len(self._instruments.rows(found, n))
        if known < n:
            return f"{known} records of {found.name} are known since its last break, {n} are asked for"
        return None

    def status(self, symbol: str, venue: str | None = None) -> Status | None:
        """How an instrument is doing; None while it is not known."""
        found = self._find(symbol, venue)
        if found is None or found.newest is None:
            return None
        row = found.newest.row
        return Status(
            found.name, row[_SEQ], row[_STATE], self._age_s(found.newest),
            found.records, found.repeated, found.missing, found.generations,
        )  # fmt: skip

    def breaks(self) -> list[Break]:
        """Where records broke off: gaps in ``seq``, new generations; the last 1000, oldest first."""
        return list(self._instruments.breaks)

    @property
    def instruments(self) -> list[str]:
        """``venue:SYMBOL`` of all that is known, sorted."""
        return self._instruments.names

    def _find(self, symbol: str, venue: str | None) -> Instrument | None:
        self._reading.check()
        found = self._instruments.find(symbol, venue)
        if found is not None and found.newer is not None:
            raise NewerSchemaError(found.newer)
        return found

    def _trusts(self, newest: Newest) -> bool:
        return newest.row[_STATE] in self._trusted and self._age_s(newest) <= self._max_age_s

    def _age_s(self, newest: Newest) -> float:
        """Time since the raw message, but never less than since the record came: a wrong clock makes nothing younger."""
        row, written_ms, arrived_s = newest
        since_arrival = self._monotonic() - arrived_s
        began_s = (row[_RECEIVED] or 0) / 1e9 if self._by_receive else written_ms / 1e3
        since_began = self._wall() - began_s
        return since_began if since_began > since_arrival and began_s > 0.0 else since_arrival

    def _unknown(self, symbol: str, venue: str | None) -> str:
        names = self._instruments.names
        known = f"known are {', '.join(names[:_SHOWN])}" if names else "none of any instrument"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        strange = self._instruments.strange + self._reading.strange
        odd = f"; {strange} messages there are no metric records" if strange else ""
        wanted = symbol if venue is None else f"{venue}:{symbol}"
        return f"no record of {wanted} has come from {self._topic}, {known}{more}{odd}"
