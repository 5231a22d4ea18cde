"""All that the page shows, kept while topics are read; and the pieces of it that a view asks for. Pure, but for a lock.

Owns the lock between the thread that reads and the thread that serves: whoever calls ``take_...`` or reads a part holds
``lock``. Clocks are handed in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from connectors.decode import Decoder
from connectors.raw import RawBatch
from consumers.board import Board
from consumers.dashboard.happenings import Happenings
from consumers.dashboard.health import Figures, Health
from consumers.dashboard.history import FloatArray, History
from consumers.heatmap.book_reader import BookReader
from consumers.heatmap.timeline import Timeline
from consumers.record_tail import Arrived

STEP_MS: Final = 250
_RECORDS_PER_S: Final = 20


@dataclass(frozen=True, slots=True)
class Status:
    """How reading goes: ``away`` says why no broker answers; ``notes`` what is not there; ``error`` what ended it."""

    share_read: float = 0.0
    caught_up: bool = False
    away: str | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None


class Scene:
    """Everything known.

    Args:
        decoder: Reads raw messages, with ``levels`` levels.
        levels: Levels of each side that are kept.
        keep_s: How far back plots can go.
        wanted: Symbols, or ``venue:SYMBOL``; none means all.

    Attributes:
        lock: See the module.
        board: The newest record of each instrument.
        books: The books over time.
        happenings: What is told in words.
        status: How reading goes.
        figures: How the job keeps up.
    """

    def __init__(self, decoder: Decoder, *, levels: int, keep_s: int, wanted: Iterable[str] = ()) -> None:
        self.lock = threading.Lock()
        self.board = Board(wanted)
        self.happenings = Happenings()
        self.status = Status()
        self.figures = Figures(0.0, 0.0, None, None, None)
        self.health = Health()
        self._keep_s = keep_s
        self._histories: dict[str, History] = {}
        new = partial(Timeline, step_ms=STEP_MS, most=keep_s * 1000 // STEP_MS, rolling=True)
        self.books = BookReader(decoder, levels=levels, timeline=new, wanted=self.board.is_wanted)

    def take_raw(self, raw: RawBatch, now: float) -> None:
        """Take raw messages that came at ``now`` (monotonic seconds)."""
        self.books.take(raw)
        if self.status.caught_up:
            self.health.raw(len(raw), now)

    def take_records(self, arrived: list[Arrived], now: float, wall_ms: float) -> None:
        """Take records that came at ``now`` (monotonic seconds) and ``wall_ms`` (since 1970)."""
        live = self.status.caught_up
        self.board.add(((item.record, item.timestamp_ms) for item in arrived), now, counted=live)
        if live:
            self.health.records([item.timestamp_ms for item in arrived], now, wall_ms)
        for item in arrived:
            record = item.record
            source = record.get("source") or {}
            self.health.source(int(source.get("partition", item.partition)), int(source.get("offset", -1)))
            instrument = f"{record['venue']}:{record['symbol']}"
            if self.board.is_wanted(instrument):
                self._history(instrument).add(record)
                self.happenings.record(instrument, record, item.timestamp_ms)

    def curve(self, instrument: str, metric: str, since_ms: int, points: int) -> tuple[FloatArray, FloatArray]:
        """Times (ms) and values of one of METRICS; none of an instrument that is not known."""
        history = self._histories.get(instrument)
        return (np.zeros(0), np.zeros(0)) if history is None else history.window(metric, since_ms, points)

    def newest_ms(self, instrument: str) -> int:
        """The newest time known of an instrument, of its books or its records; 0 when nothing is."""
        timeline = self.books.timeline(instrument)
        history = self._histories.get(instrument)
        return max(timeline.newest_ms if timeline is not None else 0, history.newest_ms if history is not None else 0)

    def _history(self, instrument: str) -> History:
        history = self._histories.get(instrument)
        if history is None:
            most = self._keep_s * _RECORDS_PER_S
            history = self._histories[instrument] = History(keep_ms=self._keep_s * 1000, most=most)
        return history
